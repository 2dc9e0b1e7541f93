/** The row that was opened. Whoever comes back to the list has the focus on it, and goes on from there. */
import { useEffect, useRef, useState, type RefObject } from 'react';
import { navigate } from 'wouter/use-browser-location';

interface OpenedRow {
  readonly label: string;
  readonly key: string;
}

interface List<Row> {
  /** Of the table, because a page may have several. */
  readonly label: string;
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row) => string;
  readonly frame: RefObject<HTMLElement | null>;
  readonly virtualizer: {
    readonly scrollToIndex: (index: number, options: { align: 'center' }) => void;
    readonly getVirtualItems: () => readonly { readonly index: number }[];
  };
}

/** Keeps it in this entry of the browser's history, before another page is opened. */
export function rememberRow(label: string, key: string): void {
  navigate(location.href.slice(location.origin.length), {
    replace: true,
    state: { openedRow: { label, key } satisfies OpenedRow },
  });
}

export function useFocusOnReturn<Row>({ label, rows, rowKey, frame, virtualizer }: List<Row>) {
  const [wanted] = useState(() => openedRowOf(label));
  const isDone = useRef(false);
  const index = wanted === undefined ? -1 : rows.findIndex((row) => rowKey(row) === wanted);
  const isDrawn =
    index !== -1 && virtualizer.getVirtualItems().some((item) => item.index === index);
  useEffect(() => {
    if (index === -1 || isDone.current) return;
    if (isFocusElsewhere()) isDone.current = true;
    else virtualizer.scrollToIndex(index, { align: 'center' });
  }, [index, virtualizer]);
  useEffect(() => {
    if (!isDrawn || wanted === undefined || isDone.current) return;
    isDone.current = true;
    if (isFocusElsewhere()) return;
    const row = frame.current?.querySelector<HTMLElement>(`[data-key="${CSS.escape(wanted)}"]`);
    row?.focus();
  }, [isDrawn, wanted, frame]);
}

function openedRowOf(label: string): string | undefined {
  const state = history.state as { readonly openedRow?: OpenedRow } | null;
  const opened = state?.openedRow;
  return opened?.label === label ? opened.key : undefined;
}

/** The list may have come late, and somebody may have gone on already. */
function isFocusElsewhere(): boolean {
  const { activeElement } = document;
  return activeElement !== null && activeElement !== document.body && activeElement.id !== 'main';
}
