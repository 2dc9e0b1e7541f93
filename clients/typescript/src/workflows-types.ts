/** Workflows: data that waits in a queue until somebody consumes it. */

export type WorkflowStatus = 'inserted' | 'consumed';

export interface NewWorkflow {
  /** Any JSON value. */
  readonly data: unknown;
  /** 1 to 50 names. */
  readonly steps: readonly string[];
  /** The id of a customer, who gets the event `workflow.consumed`. */
  readonly client?: string;
}

export interface Workflow {
  readonly uuid: string;
  readonly status: WorkflowStatus;
  /** Parsed, so a number has the digits that JavaScript keeps. */
  readonly data: unknown;
  readonly steps: readonly string[];
  readonly client: string | null;
  readonly created_by: string;
  readonly created_at: string;
  readonly consumed_at: string | null;
  readonly consumed_by: string | null;
}

export interface WorkflowsQuery {
  readonly status?: WorkflowStatus;
  /** Only workflows that have this step. */
  readonly step?: string;
  readonly from?: string | Date;
  readonly to?: string | Date;
  readonly limit?: number;
  readonly after?: string;
}

export interface WorkflowsPage {
  readonly data: readonly Workflow[];
  readonly next: string | null;
}

export interface ConsumedWorkflow {
  readonly uuid: string;
  readonly csv: string;
}

export interface WorkflowCsvOptions {
  /** Adds a byte order mark, and an apostrophe before texts that a spreadsheet would run as formulas. */
  readonly spreadsheet?: boolean;
}
