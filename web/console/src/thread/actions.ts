/** Which changes of owner the signed-in person may make; the server decides, this only hides what it would refuse. */
import type { Row, SignedInAccount } from '@/api/types'
import type { OwnerAction } from '@/stores/thread'

export type Allowed = ReadonlySet<OwnerAction | 'reply' | 'note'>

export function allowedActions(row: Row | null, account: SignedInAccount | null): Allowed {
  const allowed = new Set<OwnerAction | 'reply' | 'note'>()
  if (!row || !account) return allowed
  const may = new Set(account.permissions)
  const { kind, agent } = row.owner
  if (may.has('answer_customers')) allowed.add('note')
  if (kind === 'agent' && agent?.id === account.id) {
    if (may.has('answer_customers')) allowed.add('reply')
    if (may.has('take_handoffs')) allowed.add('handBack').add('resolve').add('toQueue')
  } else if (kind === 'agent') {
    if (may.has('take_handoffs') && may.has('assign_handoffs')) allowed.add('take').add('toQueue')
  } else if (may.has('take_handoffs')) {
    allowed.add('take')
    if (kind === 'bot') allowed.add('toQueue')
  }
  return allowed
}
