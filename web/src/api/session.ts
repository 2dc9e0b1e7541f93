/** The login of this browser tab. A new tab asks again; closing the tab forgets the token. */
import { useSyncExternalStore } from 'react';
import { tabStorage } from './tab-storage.ts';

export interface Session {
  /** Or a key. */
  readonly token: string;
  readonly expiresAtMs: number;
}

interface SessionState {
  readonly session: Session | undefined;
  /** Why the last session ended, as a sentence; undefined if nobody has logged in yet. */
  readonly ended: string | undefined;
}

const KEY = 'pulse-session';
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setTimeout> | undefined;
let ending = new AbortController();
let state: SessionState = { session: stored(), ended: undefined };

/** Browsers cannot wait longer in one timer. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** The session that an answer of the API begins. Lasts as long as the token, whatever this machine's clock says. */
export function sessionOf({ Token, ExpiresAt }: { Token: string; ExpiresAt: number }): Session {
  const issuedAt = issuedAtOf(Token);
  const lastsMs = (ExpiresAt - issuedAt) * 1_000;
  return { token: Token, expiresAtMs: Date.now() + lastsMs };
}

/** In seconds, as the token says it. */
function issuedAtOf(token: string): number {
  const [, payload = ''] = token.split('.');
  const text = atob(payload.replaceAll('-', '+').replaceAll('_', '/'));
  return (JSON.parse(text) as { iat: number }).iat;
}

export function startSession(session: Session): void {
  store(session);
  change({ session, ended: undefined });
}

/** The page stays where it is, behind the login. */
export function endSession(reason: string): void {
  if (state.session === undefined) return;
  tabStorage()?.removeItem(KEY);
  ending.abort(new Error(reason));
  ending = new AbortController();
  change({ session: undefined, ended: reason });
}

/** Aborts when this session ends. Work of several requests must not go on under the next login. */
export function sessionSignal(): AbortSignal {
  return ending.signal;
}

export function sessionToken(): string | undefined {
  return state.session?.token;
}

export function useSession(): SessionState {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => state,
  );
}

export const EXPIRED = 'Your session has expired. Log in again to go on where you were.';

function change(next: SessionState): void {
  state = next;
  watchExpiry();
  for (const listener of listeners) listener();
}

function watchExpiry(): void {
  clearTimeout(timer);
  if (state.session === undefined) return;
  const leftMs = state.session.expiresAtMs - Date.now();
  timer = setTimeout(
    () => {
      if (leftMs <= TIMER_MS_MAX) endSession(EXPIRED);
      else watchExpiry();
    },
    Math.min(leftMs, TIMER_MS_MAX),
  );
}

/** Where the browser has no room, the session ends with the page. */
function store(session: Session): void {
  try {
    tabStorage()?.setItem(KEY, JSON.stringify(session));
  } catch {
    tabStorage()?.removeItem(KEY);
  }
}

function stored(): Session | undefined {
  const text = tabStorage()?.getItem(KEY) ?? null;
  if (text === null) return undefined;
  const session = JSON.parse(text) as Session;
  return session.expiresAtMs > Date.now() ? session : undefined;
}

watchExpiry();
