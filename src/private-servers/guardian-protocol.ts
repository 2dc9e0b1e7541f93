/** What parent and guardian say to each other over the channel between them. */
import type { ProcessSpec } from './process-spec.ts';

/** How a guardian is started: JSON in its only argument. */
export interface GuardianOptions {
  readonly directory: string;
  /** False: the directory is removed at the end. */
  readonly keepFiles: boolean;
}

/** Parent to guardian. Each order is answered by one report with the same id. */
export type GuardianOrder = { readonly id: number } & (
  | { readonly kind: 'start'; readonly spec: ProcessSpec }
  /** Starts again, with the same description, what has ended. */
  | { readonly kind: 'restart'; readonly name: string }
  | { readonly kind: 'signal'; readonly name: string; readonly signal: NodeJS.Signals }
  /** A directory outside the guarded one that is removed with it. */
  | { readonly kind: 'adopt'; readonly directory: string }
  /**
   * Publishes the instance to other processes, in its state file. Attached to nobody, the guardian from
   * then on outlives its parent and ends on SIGTERM.
   */
  | { readonly kind: 'announce'; readonly announcement: Announcement }
  | { readonly kind: 'stop' }
);

/** Guardian to parent. */
export type GuardianReport =
  | { readonly kind: 'guarding' }
  /** Another guardian has the directory; this one ends. */
  | { readonly kind: 'taken'; readonly holderPid: number }
  | { readonly kind: 'done'; readonly id: number }
  | { readonly kind: 'failed'; readonly id: number; readonly reason: string }
  | { readonly kind: 'exited'; readonly name: string; readonly outcome: string };

/** Where an instance's servers are. */
export interface ServersEnv {
  readonly RABBITMQ_URL: string;
  readonly REDIS_URL: string;
  readonly DATABASE_URL: string;
}

export interface Announcement {
  readonly env: ServersEnv;
  /** The command that the servers end with; null when they outlive every command. */
  readonly attachedTo: number | null;
}
