/**
 * Logs: JSON off a terminal, readable on one.
 */
import { type Logger, pino } from 'pino';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export async function openLog(level: LogLevel): Promise<Logger> {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  const terminal = process.stderr.isTTY;
  if (!terminal) return pino(options, pino.destination({ dest: 2, sync: true }));
  // Loaded for people only: a service manager's agent does without it.
  const { default: pretty } = await import('pino-pretty');
  const stream = pretty({
    colorize: true,
    destination: 2,
    sync: true,
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'pid,hostname',
  });
  return pino(options, stream);
}
