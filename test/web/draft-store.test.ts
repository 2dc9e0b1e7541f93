import { expect, test } from 'vitest';
import {
  createDraftStore,
  DRAFT_LENGTH_MAX,
  DRAFTS_MAX,
  TOTAL_LENGTH_MAX,
  type TextStorage,
} from '../../web/src/parts/draft-store.ts';

/** As a browser's: with room for so many characters. */
function openStorage(room = Infinity) {
  const texts = new Map<string, string>();
  const storage: TextStorage = {
    get length() {
      return texts.size;
    },
    key: (index) => [...texts.keys()][index] ?? null,
    getItem: (key) => texts.get(key) ?? null,
    setItem(key, value) {
      const others = [...texts].filter(([name]) => name !== key);
      const used = others.reduce((sum, [name, text]) => sum + name.length + text.length, 0);
      if (used + key.length + value.length > room) throw new Error('QuotaExceededError');
      texts.set(key, value);
    },
    removeItem: (key) => void texts.delete(key),
  };
  return { texts, storage };
}

function openDrafts(room?: number) {
  const { texts, storage } = openStorage(room);
  let nowMs = 0;
  return {
    texts,
    drafts: createDraftStore(
      () => storage,
      () => (nowMs += 1),
    ),
  };
}

test('a draft is kept until it is forgotten, for its owner and its thing', () => {
  const { texts, drafts } = openDrafts();
  texts.set('pulse-session', 'token');
  expect(drafts.keep('ann', 'one', { text: 'a' })).toBe(true);
  expect(drafts.keep('ann', 'one', { text: 'b', note: 'n' })).toBe(true);
  expect(drafts.keep('ann/x', 'one', { text: 'c' })).toBe(true);
  expect(drafts.read('ann', 'one')).toEqual({ text: 'b', note: 'n' });
  expect(drafts.read('ann', 'x/one')).toBeUndefined();
  expect(drafts.read('bob', 'one')).toBeUndefined();
  drafts.forget('ann', 'one');
  expect(drafts.read('ann', 'one')).toBeUndefined();
  expect(drafts.read('ann/x', 'one')).toEqual({ text: 'c' });
  expect(texts.get('pulse-session')).toBe('token');
});

test('the next caller at the browser gets nothing, and after a logout nothing is left', () => {
  const { texts, drafts } = openDrafts();
  texts.set('pulse-session', 'token');
  drafts.keep('ann', 'one', { text: 'a' });
  drafts.keep('anna', 'one', { text: 'b' });
  drafts.keepOnly('ann');
  expect([...texts.keys()]).toEqual(['pulse-session', 'pulse-draft:ann/one']);
  drafts.forgetAll();
  expect([...texts.keys()]).toEqual(['pulse-session']);
});

test('older drafts make room, by their number and by their length', () => {
  const { texts, drafts } = openDrafts();
  for (let index = 0; index <= DRAFTS_MAX; index += 1) drafts.keep('ann', `${index}`, {});
  expect(texts.size).toBe(DRAFTS_MAX);
  // What is changed again is the newest.
  drafts.keep('ann', '1', {});
  drafts.keep('ann', 'one more', {});
  expect(drafts.read('ann', '0')).toBeUndefined();
  expect(drafts.read('ann', '1')).toBeDefined();
  expect(drafts.read('ann', '2')).toBeUndefined();
  const long = 'x'.repeat(DRAFT_LENGTH_MAX - 100);
  for (let index = 0; index < 4; index += 1) drafts.keep('ann', `long ${index}`, { long });
  const total = [...texts.values()].reduce((sum, text) => sum + text.length, 0);
  expect(total).toBeLessThanOrEqual(TOTAL_LENGTH_MAX);
  expect(drafts.read('ann', 'long 0')).toBeUndefined();
  expect(drafts.read('ann', 'long 3')).toEqual({ long });
});

test('what is too long is not kept, and no older draft instead of it', () => {
  const { texts, drafts } = openDrafts();
  drafts.keep('ann', 'one', { text: 'a' });
  expect(drafts.keep('ann', 'one', { text: 'x'.repeat(DRAFT_LENGTH_MAX) })).toBe(false);
  expect(texts.size).toBe(0);
});

test('a full storage loses the oldest drafts, and one without any room keeps none', () => {
  const { texts, drafts } = openDrafts(400);
  for (const thing of ['1', '2', '3', '4']) {
    expect(drafts.keep('ann', thing, { text: 'x'.repeat(100) })).toBe(true);
  }
  expect([...texts.keys()]).toEqual(['3', '4'].map((thing) => `pulse-draft:ann/${thing}`));
  const full = openDrafts(10);
  expect(full.drafts.keep('ann', '1', { text: '' })).toBe(false);
  expect(full.drafts.read('ann', '1')).toBeUndefined();
});

test('without a storage, or with broken texts in it, nothing is kept and nothing fails', () => {
  const forbidden = () => {
    throw new Error('SecurityError');
  };
  for (const storage of [forbidden, () => undefined]) {
    const drafts = createDraftStore(storage, () => 0);
    expect(drafts.keep('ann', 'one', { text: 'a' })).toBe(false);
    expect(drafts.read('ann', 'one')).toBeUndefined();
    drafts.forget('ann', 'one');
    drafts.forgetAll();
    drafts.keepOnly('ann');
  }
  const { texts, drafts } = openDrafts();
  texts.set('pulse-draft:ann/one', '{"atMs"');
  expect(drafts.read('ann', 'one')).toBeUndefined();
  expect(drafts.keep('ann', 'two', { text: 'a' })).toBe(true);
});
