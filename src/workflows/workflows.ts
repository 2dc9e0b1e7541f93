/** Workflows: data that waits in a queue until somebody consumes it. */

export const WORKFLOW_STATUSES = ['inserted', 'consumed'] as const;

/**
 * - `inserted`: it waits in the queue.
 * - `consumed`: it has a CSV file of its data.
 *
 * Each may follow the other.
 */
export type WorkflowStatus = (typeof WORKFLOW_STATUSES)[number];

export const STEPS_MAX = 50;

export interface NewWorkflow {
  readonly id: string;
  /** As JSON text, with numbers as they were written. */
  readonly dataText: string;
  /** 1 to 50 names. */
  readonly steps: readonly string[];
  /** The customer who is told when it is consumed. */
  readonly client: string | undefined;
  readonly createdBy: string;
}

export interface Workflow {
  readonly id: string;
  /** Callers with the same tenants share limits. */
  readonly share: string;
  readonly status: WorkflowStatus;
  readonly dataText: string;
  readonly steps: readonly string[];
  readonly client: string | null;
  /** Raised with each message, from 1. A message of another round is old. */
  readonly round: number;
  /** The message of its round is in the queue, or on its way there. So is that of every one that is `inserted`. */
  readonly isQueued: boolean;
  readonly createdBy: string;
  readonly createdAt: Date;
  /** Null unless it is consumed. */
  readonly consumedAt: Date | null;
  readonly consumedBy: string | null;
}

/** A workflow as callers see it. `data` is JSON text until the answer is written. */
export function toWorkflowJson({ id, createdAt, consumedAt, ...workflow }: Workflow) {
  return {
    uuid: id,
    status: workflow.status,
    data: workflow.dataText,
    steps: [...workflow.steps],
    client: workflow.client,
    created_by: workflow.createdBy,
    created_at: createdAt.toISOString(),
    consumed_at: consumedAt?.toISOString() ?? null,
    consumed_by: workflow.consumedBy,
  };
}
