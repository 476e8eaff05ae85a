/**
 * Logs: JSON off a terminal, readable on one.
 */
import { type Logger, pino } from 'pino';
import pretty from 'pino-pretty';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export function openLog(level: LogLevel): Logger {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  const terminal = process.stderr.isTTY;
  if (!terminal) return pino(options, pino.destination({ dest: 2, sync: true }));
  const stream = pretty({
    colorize: true,
    destination: 2,
    sync: true,
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'pid,hostname',
  });
  return pino(options, stream);
}
