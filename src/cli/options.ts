/** The options that commands share, as they come out of the command line. */
import type { LogLevel } from './log.ts';

export interface CommonOptions {
  readonly logLevel: LogLevel;
  readonly runDirectory: string;
  readonly stateDirectory: string;
}

export interface FolderOptions extends CommonOptions {
  readonly directory: string;
}

export type OutputFormat = 'table' | 'json';
