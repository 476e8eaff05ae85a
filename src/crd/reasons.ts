/**
 * Every reason that a condition or a problem can carry, with what it means. Reasons are API: programs match on them, so
 * they are never renamed. Tests and documentation are generated from this list.
 */

export const REASONS = {
  Accepted: 'The object is valid and no other object stands against it.',
  Invalid: 'A field of the object is wrong. What was accepted before stays in force until the object is valid again.',
  UnknownKind: 'The document claims this API group, but there is no such kind or version.',
  Unreadable: 'A file is not YAML or cannot be read. What it held when it last could be read stays in force.',
  DuplicateObject: 'Two files hold an object of the same kind, namespace and name. The first file by name counts.',
  Conflict: 'Another VirtualService, or an IPVS service that is not ours, has the same address, port and protocol.',
  ResolvedRefs: 'Every back end of the object was found.',
  NoRealServers: 'A selector matches no RealServer, or none of the family of the address. Clients are refused.',
  DuplicateRealServer: 'Two RealServers lead to the same address and port. The first by name counts.',
  Programmed: 'The kernel has everything that the object asks for.',
  Pending: 'The kernel has not been told yet.',
  SysctlWrong: 'A kernel setting that the return path needs is wrong, so nothing new is served.',
  SchedulerUnavailable: 'This kernel does not have the scheduler.',
  KernelRefused: 'The kernel refused a change.',
  NetfilterFailed: 'The nftables transaction failed, so nothing that needs it was made.',
  Waiting: 'A step that this one depends on failed.',
} as const;

export type Reason = keyof typeof REASONS;
