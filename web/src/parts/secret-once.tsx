/** A secret that the API has told once: it is nowhere else, and gone when this closes. */
import { Button, Group, Stack, Text } from '@mantine/core';
import { Dialog } from './confirm-button.tsx';
import { CopyButton } from './copy.tsx';
import { RawText } from './facts.tsx';

export function SecretOnce({
  title = 'Secret',
  secret,
  children,
  onClose,
}: {
  readonly title?: string;
  readonly secret: string | undefined;
  /** Whose it is, and what to do with it. */
  readonly children: string;
  readonly onClose: () => void;
}) {
  return (
    <Dialog title={title} isOpen={secret !== undefined} onClose={onClose}>
      <Stack gap="sm">
        <Text size="sm">{children} It is shown this once.</Text>
        <RawText label={title} text={secret ?? ''} />
        <Group justify="flex-end">
          <CopyButton label="Copy" text={secret ?? ''} />
          <Button size="xs" onClick={onClose}>
            I have kept it
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
