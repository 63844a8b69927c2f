/** Who is signed in, what they may do, and what happens when the session ends. */
import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { api } from '@/api/client'
import type { Permission, Session, SignedInAccount } from '@/api/types'

export const useSession = defineStore('session', () => {
  const account = ref<SignedInAccount | null>(null)
  /** False until the server was asked once. */
  const known = ref(false)
  /** True when a session ended under the user's hands, so that the sign-in page can say so. */
  const expired = ref(false)
  const mustChangePassword = computed(() => account.value?.must_change_password === true)

  function enter(session: Session): void {
    account.value = session.account
    known.value = true
    expired.value = false
  }

  /** Ask the server who is signed in; only the first call does. */
  async function ensure(): Promise<void> {
    if (known.value) return
    const session = await api.session()
    if (session) enter(session)
    known.value = true
  }

  async function signIn(login: string, password: string): Promise<void> {
    enter(await api.signIn(login, password))
  }

  async function changePassword(current: string, next: string): Promise<void> {
    enter(await api.changePassword(current, next))
  }

  async function signOut(): Promise<void> {
    try {
      await api.signOut()
    } finally {
      account.value = null
      expired.value = false
    }
  }

  function lose(): void {
    if (!account.value) return
    account.value = null
    expired.value = true
  }

  function can(permission: Permission): boolean {
    return account.value?.permissions.includes(permission) ?? false
  }

  return { account, known, expired, mustChangePassword, ensure, signIn, signOut, changePassword, lose, can }
})
