/** A button for what changes something: says first what will happen, then does it. */
import { Button, Group, Modal, Stack, Text, type ButtonProps } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useRef, useState, type ReactNode } from 'react';
import { focusFirst } from './first-field.ts';
import { Failure } from './loaded.tsx';
import { notify } from './notices.tsx';

export interface ConfirmButtonProps extends ButtonProps {
  readonly label: string;
  /** What will happen, to which thing, with its name. May hold fields. */
  readonly children: ReactNode;
  /** What the last button says, as a verb: `Replay`. Default: the label. */
  readonly confirmLabel?: string;
  /** What the fields still lack, a sentence each. Whoever confirms is told so, and nothing is run. */
  readonly missing?: readonly string[] | undefined;
  /** Says why the button is disabled. */
  readonly title?: string | undefined;
  /** @returns What was done, as a sentence. */
  readonly run: () => Promise<string>;
  readonly onDone?: (() => void) | undefined;
  /** Takes over what the fields begin with. */
  readonly onOpen?: () => void;
  /** The dialog is there at once, unless the button is disabled. */
  readonly startsOpen?: boolean;
}

export function ConfirmButton(props: ConfirmButtonProps) {
  const { label, children, confirmLabel = label, missing, run, ...more } = props;
  const { onDone, onOpen, startsOpen = false, disabled = false, ...button } = more;
  const [isOpen, setOpen] = useState(startsOpen && !disabled);
  return (
    <>
      <Button
        size="xs"
        variant="default"
        {...button}
        {...(disabled ? DISABLED : {})}
        onClick={() => {
          if (disabled) {
            // Whoever has no mouse sees no tooltip.
            if (button.title !== undefined) notify(button.title);
            return;
          }
          onOpen?.();
          setOpen(true);
        }}
      >
        {label}
      </Button>
      <ConfirmDialog
        label={label}
        confirmLabel={confirmLabel}
        {...(button.color === undefined ? {} : { color: button.color })}
        {...{ missing, run, onDone, isOpen }}
        onClose={() => {
          setOpen(false);
        }}
      >
        {children}
      </ConfirmDialog>
    </>
  );
}

/** The button keeps the focus and its tooltip, so that everybody can learn why. */
const DISABLED = { 'data-disabled': true, 'aria-disabled': true } as const;

const NONE: readonly string[] = [];

/** The dialog of such a button, for what is opened in another way. */
export function ConfirmDialog({
  label,
  confirmLabel = label,
  color,
  missing = NONE,
  isOpen,
  onClose,
  run,
  onDone,
  children,
}: Pick<
  ConfirmButtonProps,
  'label' | 'confirmLabel' | 'color' | 'missing' | 'run' | 'onDone' | 'children'
> & { readonly isOpen: boolean; readonly onClose: () => void }) {
  const isSent = useRef(false);
  // Nobody is told what is missing before the first try.
  const [wasTried, setTried] = useState(false);
  const action = useMutation({
    mutationFn: run,
    onSuccess: (done) => {
      onClose();
      setTried(false);
      notify(done);
      onDone?.();
    },
    onSettled: () => {
      isSent.current = false;
    },
  });
  const close = () => {
    onClose();
    action.reset();
    setTried(false);
  };
  return (
    <Dialog title={label} isOpen={isOpen} isBusy={action.isPending} onClose={close}>
      <form
        ref={focusFirst}
        // What is missing is said below, for all fields at once.
        noValidate={missing !== NONE}
        onSubmit={(event) => {
          event.preventDefault();
          setTried(true);
          if (missing.length > 0) return;
          // A dialog that fades out can still be sent, and a second click comes before the next render.
          if (!isOpen || isSent.current) return;
          isSent.current = true;
          action.mutate();
        }}
      >
        <Stack>
          <div>{children}</div>
          {wasTried ? <Missing sentences={missing} /> : null}
          {action.error === null ? null : <Failure error={action.error} />}
          <Group justify="flex-end">
            <Button variant="default" data-cancel disabled={action.isPending} onClick={close}>
              Cancel
            </Button>
            <Button
              type="submit"
              {...(color === undefined ? {} : { color })}
              loading={action.isPending}
            >
              {confirmLabel}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}

function Missing({ sentences }: { readonly sentences: readonly string[] }) {
  if (sentences.length === 0) return null;
  return (
    <div role="alert">
      {sentences.map((sentence) => (
        <Text key={sentence} size="sm" c="error">
          {sentence}
        </Text>
      ))}
    </div>
  );
}

/** Without Mantine's lock of scrolling, which would need an inline style. */
export function Dialog({
  title,
  isOpen,
  isBusy = false,
  onClose,
  size = 'lg',
  children,
}: {
  readonly title: string;
  readonly isOpen: boolean;
  /** It stays open: what it does cannot be taken back by closing it. */
  readonly isBusy?: boolean;
  readonly onClose: () => void;
  readonly size?: string;
  readonly children: ReactNode;
}) {
  return (
    <Modal.Root
      opened={isOpen}
      onClose={() => {
        if (!isBusy) onClose();
      }}
      size={size}
      lockScroll={false}
    >
      <Modal.Overlay />
      <Modal.Content>
        {/* Otherwise the page has two banners. */}
        <Modal.Header role="presentation">
          <Modal.Title>{title}</Modal.Title>
          <Modal.CloseButton aria-label="Close" disabled={isBusy} />
        </Modal.Header>
        <Modal.Body>{children}</Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}
