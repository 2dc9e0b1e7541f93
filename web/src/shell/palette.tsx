/** Finds a page by its name, and a thing by its id. */
import { TextInput, UnstyledButton } from '@mantine/core';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { hasRole, useMe } from '../api/me.ts';
import { PAGES } from '../pages.ts';
import { Dialog } from '../parts/confirm-button.tsx';
import { useHref } from '../parts/link.tsx';
import { thingsFor } from './things.ts';

export function Palette({
  isOpen,
  onClose,
}: {
  readonly isOpen: boolean;
  readonly onClose: () => void;
}) {
  return (
    <Dialog title="Find" isOpen={isOpen} onClose={onClose}>
      <Search onClose={onClose} />
    </Dialog>
  );
}

function Search({ onClose }: { readonly onClose: () => void }) {
  const me = useMe();
  const href = useHref();
  const [, navigate] = useLocation();
  const [text, setText] = useState('');
  const [chosen, setChosen] = useState(0);
  const wanted = text.trim();
  const pages = PAGES.filter(
    ({ label, role, allTenants }) =>
      hasRole(me, role) &&
      (allTenants !== true || me?.tenants === undefined) &&
      label.toLowerCase().includes(wanted.toLowerCase()),
  ).map(({ label, path }) => ({ label, path }));
  const found = [...pages, ...(wanted === '' ? [] : thingsFor(wanted))];
  const open = (path: string) => {
    onClose();
    navigate(href(path));
  };
  return (
    <>
      <TextInput
        data-autofocus
        aria-label="What to find"
        placeholder="A page, a tenant, an order or an id"
        value={text}
        maxLength={512}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setChosen(0);
        }}
        onKeyDown={(event) => {
          const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
          if (by !== 0) {
            event.preventDefault();
            setChosen((chosen + by + found.length) % Math.max(1, found.length));
          }
          const target = found[chosen];
          if (event.key === 'Enter' && target !== undefined) open(target.path);
        }}
      />
      <ul className="palette">
        {found.map(({ label, path }, index) => (
          <li key={path}>
            <UnstyledButton
              className={index === chosen ? 'found chosen' : 'found'}
              onClick={() => {
                open(path);
              }}
            >
              {label}
            </UnstyledButton>
          </li>
        ))}
      </ul>
    </>
  );
}
