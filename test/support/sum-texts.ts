/** The chunks of sums that a scan of Redis returns, as lists: field, value, field, value ... */
import { SUM_COLUMNS } from '../../src/aggregate/sum-field.ts';

const FIELD_COLUMNS = 4;

export function fromChunk(chunk: Buffer): string[] {
  if (chunk.length === 0) return [];
  const columns = chunk.toString('utf8').split('\t');
  const texts: string[] = [];
  for (let at = 0; at < columns.length; at += SUM_COLUMNS) {
    const sum = columns.slice(at, at + SUM_COLUMNS);
    texts.push(sum.slice(0, FIELD_COLUMNS).join('\t'), sum.slice(FIELD_COLUMNS).join('\t'));
  }
  return texts;
}

export const toChunk = (texts: readonly string[]): Buffer => Buffer.from(texts.join('\t'));
