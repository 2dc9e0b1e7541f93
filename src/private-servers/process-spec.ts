/** Descriptions of processes: what each server's file returns and what the guardian runs. */

/** One program and how to call it. */
export interface CommandSpec {
  /** An absolute path. */
  readonly command: string;
  readonly args: readonly string[];
  /** All of it: nothing is inherited from the guardian. Only a container engine gets what the caller has. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Absent: the guardian's user. */
  readonly user?: UserIds;
}

export interface UserIds {
  readonly uid: number;
  readonly gid: number;
}

/** A process that the guardian keeps running until it is told to stop it or its parent is gone. */
export interface ProcessSpec extends CommandSpec {
  /** Unique within the guardian. Starting the same name again replaces a process that has ended. */
  readonly name: string;
  /** Standard output and standard error are appended to it. */
  readonly logFile: string;
  /** Shuts it down cleanly, with its files synced. After 15 seconds it is killed. */
  readonly stopSignal: NodeJS.Signals;
  /** Stops it at once, when its files will be deleted. It must still free everything but files and processes. */
  readonly quickStopSignal: NodeJS.Signals;
  /** Runs once, before the first start. */
  readonly preparation?: PreparationSpec;
  /** Present when the process only represents a container, which signals do not reach. */
  readonly container?: ContainerSpec;
}

/** A command that creates a directory. Runs only if the directory does not exist. */
export interface PreparationSpec extends CommandSpec {
  /** Where the command writes. Moved to `creates` on success, so that an incomplete directory is never used. */
  readonly staging: string;
  readonly creates: string;
}

export interface ContainerSpec {
  /** The container engine's command-line program. */
  readonly program: string;
  /** Of the container and of its volume, which is removed at the end unless the files are kept. */
  readonly name: string;
}

/** A server as the parent sees it: the processes to run, and how to check that it is ready. */
export interface Server {
  readonly name: ServerName;
  readonly url: string;
  /** In start order. The last one is the server itself and has its name. */
  readonly processes: readonly ProcessSpec[];
  /** Tries a real handshake; rejects with the reason if it fails. */
  probe(): Promise<void>;
}

export const SERVER_NAMES = ['rabbitmq', 'redis', 'postgres'] as const;

export type ServerName = (typeof SERVER_NAMES)[number];
