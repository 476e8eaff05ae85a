/** The options that commands share, as they come out of the command line. */
import type { AddressRanges } from '../net/ranges.ts';
import type { LogLevel } from './log.ts';

export interface CommonOptions {
  readonly logLevel: LogLevel;
  readonly runDirectory: string;
  readonly stateDirectory: string;
}

/** Where objects come from, and what belongs to it. */
export interface SourceOptions extends CommonOptions {
  readonly directory?: string;
  readonly kubeconfig?: string;
  readonly nodeName?: string;
  /** Of the Leases. */
  readonly namespace: string;
  readonly allowAddresses: AddressRanges;
  readonly allowDestinations: AddressRanges;
  readonly podCidrs: AddressRanges;
  readonly serviceCidrs: AddressRanges;
}

export type OutputFormat = 'table' | 'json';
