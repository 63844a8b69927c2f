/** Says in words who has a conversation. */
import type { Owner } from '@/api/types'
import { i18n } from '@/i18n'

export function ownerText(owner: Owner, accountId: string | undefined): string {
  const { t } = i18n.global
  if (owner.kind !== 'agent') return t(`desk.owner.${owner.kind}`)
  if (owner.agent?.id === accountId) return t('desk.owner.mine')
  return t('desk.owner.agent', { name: owner.agent?.name ?? t('thread.agent') })
}
