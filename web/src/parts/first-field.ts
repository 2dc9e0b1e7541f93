/** Where the keyboard begins in a dialog. */

const FIELDS =
  'input:not([type=hidden], :disabled), textarea:not(:disabled), select:not(:disabled)';

/**
 * As the `ref` of a form: the dialog that opens around it gives the focus to its first field. Without one, to the
 * button that changes nothing, never to the one that confirms.
 */
export function focusFirst(form: HTMLElement | null): void {
  const first = form?.querySelector(FIELDS) ?? form?.querySelector('button[data-cancel]');
  first?.setAttribute('data-autofocus', '');
}

/** The same for a form that comes into a dialog that is open already. */
export function focusFirstNow(form: HTMLElement | null): void {
  focusFirst(form);
  form?.querySelector<HTMLElement>('[data-autofocus]')?.focus();
}
