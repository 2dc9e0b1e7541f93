/** What a round of exports asks for. */
import type { TenantScope } from '../../../src/core/tenant-scope.ts';
import type { Random } from '../../../src/populate/random.ts';
import { between, pick } from '../fault.ts';
import { CUSTOMERS } from './export-data.ts';

/** Whoever asks, and whose rows they may see. */
export const CALLERS = {
  everybody: 'all',
  north: ['north'],
  south: ['south'],
  both: ['north', 'south'],
} as const satisfies Record<string, TenantScope>;
export type Caller = keyof typeof CALLERS;
const CALLER_NAMES = Object.keys(CALLERS) as Caller[];

export interface ExportQuestion {
  readonly report: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly format: 'csv' | 'ndjson';
  readonly gzip: boolean;
  readonly spreadsheet: boolean;
}

/** One export, and what became of the requests for it. */
export interface ExportIntent {
  readonly key: string;
  readonly caller: Caller;
  readonly question: ExportQuestion;
  readonly dueMs: number;
  /** When it is canceled: as soon as it runs, or so long after it was asked for. */
  readonly cancel: 'running' | number | undefined;
  id?: string;
  asOf?: string;
  /** The code of the problem that the API answered with. */
  refusal?: string;
  /** What the API answered to the cancel. */
  endedAs?: string;
  /** The same question with the same `as_of`, asked when the faults have ended. */
  again?: { readonly id: string };
}

const FROM = '2026-03-01';
const QUESTIONS: readonly Pick<ExportQuestion, 'report' | 'parameters'>[] = [
  { report: 'pulses', parameters: {} },
  { report: 'pulses', parameters: {} },
  { report: 'pulses', parameters: { use_unity: 'GB' } },
  { report: 'usage', parameters: { from: FROM, window: 'hour', group_by: ['tenant'] } },
  { report: 'usage', parameters: { from: FROM, window: 'day', tz: 'Europe/Berlin' } },
  { report: 'orders', parameters: {} },
  { report: 'orders', parameters: { status: 'pending' } },
  { report: 'subscriptions', parameters: {} },
  { report: 'messages', parameters: {} },
  { report: 'dead-letters', parameters: {} },
];

export function planExports(
  random: Random,
  { count, durationMs }: { readonly count: number; readonly durationMs: number },
): ExportIntent[] {
  return Array.from({ length: count }, (_, index): ExportIntent => {
    const caller = pick(CALLER_NAMES, random);
    const format = pick(['csv', 'csv', 'ndjson'] as const, random);
    const { report, parameters } = pick(QUESTIONS, random);
    const hasTenant = (report === 'pulses' || report === 'usage') && random.below(3) === 0;
    const scope: TenantScope = CALLERS[caller];
    const tenant = pick(scope === 'all' ? ['north', 'south', 'east'] : scope, random);
    return {
      key: `export-${index}`,
      caller,
      question: {
        report,
        // Usage takes several.
        parameters: hasTenant
          ? { ...parameters, tenant: report === 'usage' ? [tenant] : tenant }
          : parameters,
        format,
        gzip: random.below(3) === 0,
        spreadsheet: format === 'csv' && random.below(4) === 0,
      },
      dueMs: (durationMs * index) / count,
      cancel: pick([undefined, undefined, undefined, 'running', between(0, 1_500, random)], random),
    };
  });
}

/** The customer who is told: that of the only tenant that the export is about. */
export function toldOf({ caller, question }: ExportIntent): string | undefined {
  const scope: TenantScope = CALLERS[caller];
  const only = scope === 'all' || scope.length !== 1 ? undefined : scope[0];
  const { tenant = only } = question.parameters as { tenant?: string | [string] };
  return tenant === undefined ? undefined : CUSTOMERS[String(tenant)];
}
