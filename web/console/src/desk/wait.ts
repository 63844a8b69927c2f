/** How long a customer has waited: in words short enough for a row, and how urgent that is. */

export type WaitLevel = 'calm' | 'warm' | 'late'
const WARM_AFTER_S = 60
/** The default routing policy puts whoever waits longer first. */
const LATE_AFTER_S = 300

export function waitSeconds(since: string, nowMs: number): number {
  return Math.max(0, Math.floor((nowMs - Date.parse(since)) / 1000))
}

export function waitLevel(seconds: number): WaitLevel {
  if (seconds >= LATE_AFTER_S) return 'late'
  return seconds >= WARM_AFTER_S ? 'warm' : 'calm'
}

/** 42 → "0:42", 725 → "12:05", 3,900 → "1:05 h", two days → "2 d". */
export function formatWait(seconds: number): string {
  const pad = (value: number): string => String(value).padStart(2, '0')
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${pad(seconds % 60)}`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}:${pad(Math.floor((seconds % 3600) / 60))} h`
  return `${Math.floor(seconds / 86_400)} d`
}
