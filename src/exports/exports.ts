/** Exports: every row of a report, in a file. */
import type { TenantScope } from '../core/tenant-scope.ts';
import type { Report } from '../http/report.ts';

export const EXPORT_FORMATS = ['csv', 'ndjson'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** What ends with `ready`, `failed` or `canceled`; a `ready` one expires. */
export const EXPORT_STATES = [
  'queued',
  'running',
  'ready',
  'failed',
  'canceled',
  'expired',
] as const;
export type ExportState = (typeof EXPORT_STATES)[number];

/** In this order; run-export.ts says what each does. */
export const EXPORT_STEPS = ['query', 'write', 'checksum', 'publish'] as const;
export type ExportStep = (typeof EXPORT_STEPS)[number];

/** How an answer is written. */
export interface FileShape {
  readonly format: ExportFormat;
  readonly gzip: boolean;
  /** CSV for people who open it in a spreadsheet. */
  readonly spreadsheet: boolean;
}

export interface ExportRequest extends FileShape {
  readonly report: string;
  /** They match the schema of the report. */
  readonly parameters: unknown;
  readonly asOf: Date;
}

interface StepTimes {
  readonly step: ExportStep;
  readonly started_at: string;
  readonly ended_at: string | null;
}

export interface Export extends ExportRequest {
  readonly id: string;
  readonly tenants: readonly string[] | null;
  readonly createdBy: string;
  readonly state: ExportState;
  readonly fence: number;
  readonly attemptCount: number;
  readonly steps: readonly StepTimes[];
  readonly rowsEstimated: number | null;
  readonly rowsWritten: number;
  readonly rowCount: number | null;
  readonly byteCount: number | null;
  readonly sha256: string | null;
  readonly sums: Readonly<Record<string, string>> | null;
  readonly failureCode: string | null;
  readonly failureDetail: string | null;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
  readonly expiresAt: Date | null;
}

/** Whose answer an export holds. */
export function scopeOf({ tenants }: Pick<Export, 'tenants'>): TenantScope {
  return tenants ?? 'all';
}

/** Why an export can never become ready. The code is part of the API. */
export class ExportFailure extends Error {
  override readonly name = 'ExportFailure';
  readonly code: string;

  constructor(code: string, detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.code = code;
  }
}

/** Somebody else works on the export by now, or it was canceled. */
export class LeaseLostError extends Error {
  override readonly name = 'LeaseLostError';

  constructor() {
    super('The export was canceled, or another process has taken it over.');
  }
}

/** The reports of an installation, by name. */
export type Reports = ReadonlyMap<string, Report>;

/** @throws ExportFailure */
export function findReport(reports: Reports, name: string): Report {
  const report = reports.get(name);
  if (report === undefined) {
    throw new ExportFailure('unknown_report', `There is no report "${name}".`);
  }
  return report;
}

/** What the name of a file of this shape ends with. */
export function extensionOf({ format, gzip }: FileShape): string {
  return `${format}${gzip ? '.gz' : ''}`;
}
