import { describe, expect, it } from 'vitest'
import { shortcutOf } from '@/shell/shortcuts'

function press(init: KeyboardEventInit, on: HTMLElement = document.body): ReturnType<typeof shortcutOf> {
  const event = new KeyboardEvent('keydown', init)
  Object.defineProperty(event, 'target', { value: on })
  return shortcutOf(event)
}

describe('shortcuts', () => {
  it('go by the place of the key with Alt, whatever sign it writes', () => {
    expect(press({ altKey: true, code: 'KeyT', key: '†' })).toBe('take')
    expect(press({ altKey: true, ctrlKey: true, code: 'KeyT', key: 't' })).toBeNull()
    expect(press({ code: 'KeyT', key: 't' })).toBeNull()
  })

  it('leave single signs to whoever writes', () => {
    const field = document.createElement('textarea')

    expect(press({ key: '?' })).toBe('sheet')
    expect(press({ key: '?' }, field)).toBeNull()
    expect(press({ key: 'Escape' }, field)).toBe('close')
    expect(press({ altKey: true, code: 'KeyJ', key: 'j' }, field)).toBe('next')
  })
})
