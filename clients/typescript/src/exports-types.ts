/** Exports: every row of a report, in a file. */

export interface NewExport {
  /** `usage`, `pulses`, `orders`, `subscriptions`, `messages` or `dead-letters`. */
  readonly report: string;
  /** What the report asks for; the reference of the API lists them. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** Default: `csv`. */
  readonly format?: 'csv' | 'ndjson';
  readonly gzip?: boolean;
  /** CSV that is safe to open in a spreadsheet. */
  readonly spreadsheet?: boolean;
  /** Rows that came later are left out. Default: now. */
  readonly as_of?: string | Date;
}

export type ExportState = 'queued' | 'running' | 'ready' | 'failed' | 'canceled' | 'expired';

export interface Export {
  readonly id: string;
  readonly report: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly format: 'csv' | 'ndjson';
  readonly gzip: boolean;
  readonly spreadsheet: boolean;
  readonly as_of: string;
  readonly state: ExportState;
  /** Of the newest attempt. */
  readonly steps: readonly {
    readonly step: 'query' | 'write' | 'checksum' | 'publish';
    readonly started_at: string;
    readonly ended_at: string | null;
  }[];
  readonly rows_written: number;
  readonly rows_estimated: number | null;
  readonly rows: number | null;
  readonly bytes: number | null;
  /** In hex. */
  readonly sha256: string | null;
  /** The sum of each unit, where the report has amounts. */
  readonly sums: Readonly<Record<string, string>> | null;
  readonly failure: { readonly code: string; readonly detail: string } | null;
  /** Below the address of the API; it works without a token until it ends. */
  readonly download: { readonly url: string; readonly expires_at: string } | null;
  readonly created_at: string;
  readonly created_by: string;
  readonly started_at: string | null;
  readonly ended_at: string | null;
  readonly expires_at: string | null;
}

export interface ExportsQuery {
  readonly state?: ExportState;
  readonly report?: string;
  readonly limit?: number;
  readonly after?: string;
}

export interface ExportsPage {
  readonly data: readonly Export[];
  readonly next: string | null;
}

/** What a file holds, to check it by. */
export interface ExportManifest {
  readonly version: number;
  readonly report: string;
  readonly parameters: unknown;
  readonly tenants: readonly string[] | null;
  readonly as_of: string;
  readonly format: 'csv' | 'ndjson';
  readonly gzip: boolean;
  readonly spreadsheet: boolean;
  readonly columns: readonly string[];
  readonly rows: number;
  readonly sums: Readonly<Record<string, string>>;
  readonly bytes: number;
  readonly sha256: string;
}
