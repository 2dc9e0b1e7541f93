/**
 * Keeps what somebody has typed and not sent yet, of each caller and each thing. Nothing here ever fails: where the
 * browser has no room, a draft is not kept.
 */

/** What a browser's storage can do. */
export interface TextStorage {
  readonly length: number;
  key(index: number): string | null;
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** The fields of a form, by name. */
export type Draft = Readonly<Record<string, string>>;

export interface DraftStore {
  read(owner: string, thing: string): Draft | undefined;
  /** @returns Whether it is kept. If it is not, no older draft of the thing is either. */
  keep(owner: string, thing: string, draft: Draft): boolean;
  forget(owner: string, thing: string): void;
  forgetAll(): void;
  /** Forgets the drafts of all others. */
  keepOnly(owner: string): void;
}

/** Lengths count UTF-16 units, as browsers do. */
export const DRAFT_LENGTH_MAX = 1024 * 1024;
export const DRAFTS_MAX = 20;
/** Of all together. Browsers take some 5 Mi, and the session must fit in, too. */
export const TOTAL_LENGTH_MAX = 3 * 1024 * 1024;

const PREFIX = 'pulse-draft:';

/** @param storage Undefined where there is none. */
export function createDraftStore(
  storage: () => TextStorage | undefined,
  nowMs: () => number,
): DraftStore {
  const tryWith = <Result>(work: (texts: TextStorage) => Result, otherwise: Result): Result => {
    try {
      const texts = storage();
      return texts === undefined ? otherwise : work(texts);
    } catch {
      return otherwise;
    }
  };
  const forgetWhere = (isForgotten: (key: string) => boolean) => {
    tryWith((texts) => {
      for (const key of keysOf(texts).filter(isForgotten)) texts.removeItem(key);
    }, undefined);
  };
  return {
    read: (owner, thing) =>
      tryWith((texts) => parse(texts.getItem(keyOf(owner, thing)))?.draft, undefined),
    keep: (owner, thing, draft) =>
      tryWith((texts) => {
        const key = keyOf(owner, thing);
        texts.removeItem(key);
        const text = JSON.stringify({ atMs: nowMs(), draft });
        return text.length <= DRAFT_LENGTH_MAX && keepNewest(texts, key, text);
      }, false),
    forget(owner, thing) {
      const forgotten = keyOf(owner, thing);
      forgetWhere((key) => key === forgotten);
    },
    forgetAll() {
      forgetWhere(() => true);
    },
    keepOnly(owner) {
      forgetWhere((key) => !key.startsWith(keyOf(owner, '')));
    },
  };
}

/** Older ones make room. @returns Whether there was enough. */
function keepNewest(texts: TextStorage, key: string, text: string): boolean {
  const others = keysOf(texts)
    .map((other) => {
      const kept = texts.getItem(other) ?? '';
      return { other, length: kept.length, atMs: parse(kept)?.atMs ?? 0 };
    })
    .sort((one, two) => one.atMs - two.atMs);
  let length = others.reduce((sum, one) => sum + one.length, text.length);
  for (;;) {
    if (others.length < DRAFTS_MAX && length <= TOTAL_LENGTH_MAX && isStored(texts, key, text)) {
      return true;
    }
    const oldest = others.shift();
    if (oldest === undefined) return false;
    texts.removeItem(oldest.other);
    length -= oldest.length;
  }
}

function isStored(texts: TextStorage, key: string, text: string): boolean {
  try {
    texts.setItem(key, text);
    return true;
  } catch {
    return false;
  }
}

function keysOf(texts: TextStorage): string[] {
  return Array.from({ length: texts.length }, (_, index) => texts.key(index) ?? '').filter((key) =>
    key.startsWith(PREFIX),
  );
}

function keyOf(owner: string, thing: string): string {
  return `${PREFIX}${encodeURIComponent(owner)}/${thing}`;
}

function parse(text: string | null): { atMs: number; draft: Draft } | undefined {
  try {
    return text === null ? undefined : (JSON.parse(text) as { atMs: number; draft: Draft });
  } catch {
    return undefined;
  }
}
