/** What somebody has typed and not sent yet, in this browser tab. */
import { tabStorage } from '../api/tab-storage.ts';
import { createDraftStore } from './draft-store.ts';

export const drafts = createDraftStore(tabStorage, Date.now);
