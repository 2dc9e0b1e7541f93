/** What the keyboard does on every page. */
import { Kbd, Table } from '@mantine/core';
import { useEffect, useState } from 'react';
import { Dialog } from '../parts/confirm-button.tsx';

const KEYS = [
  ['/', 'Go to the filters of the page'],
  ['j', 'Next row'],
  ['k', 'Row before'],
  ['Enter', 'Open the row'],
  ['Ctrl K', 'Find a page, tenant, order or id'],
  ['?', 'Show these keys'],
  ['Esc', 'Close what is open'],
] as const;

export function Shortcuts({ openPalette }: { readonly openPalette: () => void }) {
  const [isHelpOpen, setHelpOpen] = useState(false);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() === 'k' && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        openPalette();
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (document.querySelector('[role="dialog"]') !== null) return;
      if (event.key === '/') {
        event.preventDefault();
        document.querySelector<HTMLElement>('[role="search"] input')?.focus();
      } else if (event.key === 'j' || event.key === 'k') {
        moveRow(event.key === 'j' ? 1 : -1);
      } else if (event.key === '?') {
        setHelpOpen(true);
      }
    };
    addEventListener('keydown', onKey);
    return () => {
      removeEventListener('keydown', onKey);
    };
  }, [openPalette]);
  return (
    <Dialog
      title="Keys"
      size="sm"
      isOpen={isHelpOpen}
      onClose={() => {
        setHelpOpen(false);
      }}
    >
      <Table>
        <Table.Tbody>
          {KEYS.map(([key, about]) => (
            <Table.Tr key={key}>
              <Table.Td>
                <Kbd>{key}</Kbd>
              </Table.Td>
              <Table.Td>{about}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Dialog>
  );
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName))
  );
}

function moveRow(by: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>('[data-row]')];
  const at = rows.findIndex((row) => row === document.activeElement);
  const next = rows[at === -1 ? 0 : at + by];
  next?.focus();
  next?.scrollIntoView({ block: 'nearest' });
}
