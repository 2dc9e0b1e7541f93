/** The subscriptions as the main thread knows them, and what each read changes in them. No I/O. */
import { afterEarliest, type AdmissionRow } from '../contract/admission.ts';

export class AdmissionSnapshot {
  readonly #rows = new Map<string, AdmissionRow>();

  /** Those that admit something. */
  get rows(): readonly AdmissionRow[] {
    return [...this.#rows.values()];
  }

  /** Takes rows in; each replaces the one with its id. @returns Those that say something new. */
  apply(rows: readonly AdmissionRow[]): AdmissionRow[] {
    const changed = rows.filter((row) => !isSame(row, this.#rows.get(row.id)));
    for (const row of changed) {
      if (admitsNothing(row)) this.#rows.delete(row.id);
      else this.#rows.set(row.id, row);
    }
    return changed;
  }

  /** Takes in all rows that there are, and removes the others. @returns What that changes. */
  replace(rows: readonly AdmissionRow[]): AdmissionRow[] {
    const ids = new Set(rows.map(({ id }) => id));
    const gone = this.rows.filter(({ id }) => !ids.has(id));
    return this.apply([...rows, ...gone.map((row) => ({ ...row, intervals: [] }))]);
  }

  /** Removes what had ended at `earliestMs`. @returns What that changes. */
  forget(earliestMs: number): AdmissionRow[] {
    return this.apply(
      this.rows.map((row) => ({ ...row, intervals: afterEarliest(row.intervals, earliestMs) })),
    );
  }
}

function admitsNothing({ tenant, intervals }: AdmissionRow): boolean {
  return tenant === null || intervals.length === 0;
}

function isSame(row: AdmissionRow, known: AdmissionRow | undefined): boolean {
  if (known === undefined) return admitsNothing(row);
  return (
    row.tenant === known.tenant &&
    row.sku === known.sku &&
    row.intervals.length === known.intervals.length &&
    row.intervals.every((atMs, index) => atMs === known.intervals[index])
  );
}
