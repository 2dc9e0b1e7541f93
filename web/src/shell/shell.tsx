/** The frame of every page: the menu, the zone, and who has logged in. */
import { ActionIcon, Burger, Button, useMantineColorScheme } from '@mantine/core';
import { IconMoon, IconSearch, IconSun } from '@tabler/icons-react';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import { hasRole, useMe } from '../api/me.ts';
import { PAGES, pageAt } from '../pages.ts';
import { useHref } from '../parts/link.tsx';
import { Account } from './account.tsx';
import { Palette } from './palette.tsx';
import { Shortcuts } from './shortcuts.tsx';
import { ZoneNotice, ZonePicker } from './zone-picker.tsx';

export function Shell({ children }: { readonly children: ReactNode }) {
  const [path] = useLocation();
  useFocusOnPage(path);
  // Of narrow screens. Going to another page closes it.
  const [menuOpenAt, setMenuOpenAt] = useState<string>();
  const isMenuOpen = menuOpenAt === path;
  const [refusedZone, setRefusedZone] = useState<string>();
  const [isPaletteOpen, setPaletteOpen] = useState(false);
  const openPalette = () => {
    setPaletteOpen(true);
  };
  return (
    <div className="shell">
      <a className="skip" href="#main">
        Skip to the page
      </a>
      <header className="bar">
        <Burger
          className="menu-button"
          size="sm"
          opened={isMenuOpen}
          aria-label="Menu"
          onClick={() => {
            setMenuOpenAt(isMenuOpen ? undefined : path);
          }}
        />
        <Link href={useHref()('/')} className="mark" aria-label="Pulse">
          <img src="/console/favicon.svg" alt="" width="24" height="24" />
          <span className="mark-text">Pulse</span>
        </Link>
        <Button
          variant="default"
          size="xs"
          aria-label="Find"
          onClick={openPalette}
          className="search-button"
        >
          <IconSearch size={14} aria-hidden />
          <span className="wide-text">Find</span>
        </Button>
        <span className="space" />
        <ZonePicker onRefuse={setRefusedZone} />
        <SchemeButton />
        <Account />
      </header>
      <Menu isOpen={isMenuOpen} />
      <main id="main" tabIndex={-1}>
        <ZoneNotice
          typed={refusedZone}
          onClose={() => {
            setRefusedZone(undefined);
          }}
        />
        {children}
      </main>
      <Palette
        isOpen={isPaletteOpen}
        onClose={() => {
          setPaletteOpen(false);
        }}
      />
      <Shortcuts openPalette={openPalette} />
    </div>
  );
}

/** Whoever reads by keyboard or by ear goes on at the beginning of the new page. */
function useFocusOnPage(path: string): void {
  const shownPath = useRef(path);
  useEffect(() => {
    if (shownPath.current === path) return;
    shownPath.current = path;
    // A list has it already, on the row that somebody comes back to.
    if (document.activeElement?.matches('[data-row]') === true) return;
    document.getElementById('main')?.focus({ preventScroll: true });
  }, [path]);
}

function Menu({ isOpen }: { readonly isOpen: boolean }) {
  const [path] = useLocation();
  const href = useHref();
  const me = useMe();
  const current = pageAt(path);
  const allowed = PAGES.filter(
    ({ role, allTenants }) =>
      hasRole(me, role) && (allTenants !== true || me?.tenants === undefined),
  );
  return (
    <nav className={isOpen ? 'menu open' : 'menu'} aria-label="Pages">
      {allowed.map((page) => (
        <Link
          key={page.path}
          href={href(page.path)}
          className="menu-link"
          aria-current={page === current ? 'page' : undefined}
        >
          <page.icon size={18} aria-hidden />
          {page.label}
        </Link>
      ))}
    </nav>
  );
}

function SchemeButton() {
  const { colorScheme, setColorScheme } = useMantineColorScheme({ keepTransitions: true });
  const isDark =
    colorScheme === 'dark' ||
    (colorScheme === 'auto' && matchMedia('(prefers-color-scheme: dark)').matches);
  return (
    <ActionIcon
      variant="default"
      size="md"
      aria-label={isDark ? 'Light colors' : 'Dark colors'}
      onClick={() => {
        setColorScheme(isDark ? 'light' : 'dark');
      }}
    >
      {isDark ? <IconSun size={16} aria-hidden /> : <IconMoon size={16} aria-hidden />}
    </ActionIcon>
  );
}
