/** What somebody types into the editor of a dead letter. It outlives the page and an expired session. */
import { useState } from 'react';
import { useMe } from '../../api/me.ts';
import { lossyTextOf } from '../../parts/body-text.ts';
import { drafts } from '../../parts/drafts.ts';
import { prettyJson } from '../../parts/pretty-json.ts';
import type { DeadLetter } from './dead-letter-queries.ts';

export interface Fix {
  readonly text: string;
  readonly note: string;
}

/** @param shown As it was when the editor opened. */
export function useFixDraft(shown: DeadLetter) {
  const owner = useMe()?.actor ?? '';
  const [start] = useState(() => startOf(shown));
  const [kept, setKept] = useState(() => drafts.read(owner, thingOf(shown.id)));
  const [fix, setFix] = useState<Fix>({ ...start, ...kept });
  const [isLost, setLost] = useState(false);
  // Of a fix that began before, what it began with.
  const { state = stateOf(shown) } = kept ?? {};
  const forget = () => {
    drafts.forget(owner, thingOf(shown.id));
    setLost(false);
  };
  return {
    fix,
    change(changes: Partial<Fix>) {
      const next = { ...fix, ...changes };
      setFix(next);
      if (next.text === start.text && next.note === start.note) forget();
      else setLost(!drafts.keep(owner, thingOf(shown.id), { ...next, state }));
    },
    /** It was typed before the editor opened. */
    isRestored: kept !== undefined,
    /** And something was done with the dead letter since. */
    isOutdated: state !== stateOf(shown),
    /** The browser cannot keep it. */
    isLost,
    forget,
    startOver: () => {
      forget();
      setKept(undefined);
      setFix(start);
    },
  };
}

/** Of whoever is logged in. */
export function useForgetFixDraft(id: string): () => void {
  const owner = useMe()?.actor ?? '';
  return () => {
    drafts.forget(owner, thingOf(id));
  };
}

function startOf({ body }: DeadLetter): Fix {
  const text = lossyTextOf(body);
  return { text: prettyJson(text) ?? text, note: '' };
}

function stateOf({ state, actions }: DeadLetter): string {
  return `${state} ${actions.at(-1)?.at ?? ''}`;
}

function thingOf(id: string): string {
  return `dead-letter/${id}`;
}
