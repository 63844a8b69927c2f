/** The console's addresses and who may open them. */
import { createRouter, createWebHistory, type NavigationGuardReturn, type RouteLocationNormalized, type Router } from 'vue-router'
import type { Permission } from '@/api/types'
import { useSession } from '@/stores/session'
import { useStartProblem } from '@/stores/startProblem'

declare module 'vue-router' {
  interface RouteMeta {
    /** Open without a session. */
    open?: boolean
    /** What the account must be allowed to do. */
    needs?: Permission
    /** The key of the page's title. */
    title?: string
  }
}

export function createConsoleRouter(): Router {
  const router = createRouter({
    history: createWebHistory(import.meta.env.BASE_URL),
    routes: [
      { path: '/', redirect: { name: 'desk' } },
      { path: '/sign-in', name: 'sign-in', component: () => import('@/pages/SignInPage.vue'), meta: { open: true, title: 'signIn.title' } },
      { path: '/password', name: 'password', component: () => import('@/pages/FirstPasswordPage.vue'), meta: { title: 'password.title' } },
      {
        path: '/',
        component: () => import('@/shell/AppShell.vue'),
        children: [
          { path: 'desk/:conversationId?', name: 'desk', component: () => import('@/pages/DeskPage.vue'), meta: { needs: 'view_conversations', title: 'desk.title' } },
          { path: 'account', name: 'account', component: () => import('@/pages/AccountPage.vue'), meta: { title: 'account.title' } },
          { path: 'accounts', name: 'accounts', component: () => import('@/pages/AccountsPage.vue'), meta: { needs: 'manage_accounts', title: 'accounts.title' } },
          { path: 'forbidden', name: 'forbidden', component: () => import('@/pages/ForbiddenPage.vue'), meta: { title: 'pages.forbidden' } },
          { path: ':path(.*)*', name: 'not-found', component: () => import('@/pages/NotFoundPage.vue'), meta: { title: 'pages.notFound' } },
        ],
      },
    ],
  })
  router.beforeEach(guard)
  return router
}

/** Where to go instead of `to`, or true when it may be opened. */
async function guard(to: RouteLocationNormalized): Promise<NavigationGuardReturn> {
  const session = useSession()
  const start = useStartProblem()
  try {
    await session.ensure()
    start.problem = null
  } catch (error) {
    start.problem = error
    return true
  }
  if (to.name === 'sign-in') return session.account ? safeNext(to.query['next']) : true
  if (to.meta.open) return true
  if (!session.account) return { name: 'sign-in', query: to.fullPath === '/desk' ? {} : { next: to.fullPath } }
  if (session.mustChangePassword) return to.name === 'password' ? true : { name: 'password', query: { next: to.fullPath } }
  if (to.name === 'password') return { name: 'account' }
  if (to.meta.needs && !session.can(to.meta.needs)) return { name: 'forbidden', replace: true }
  return true
}

/** The address to return to after signing in; only ever one of the console's own. */
export function safeNext(next: unknown): string {
  return typeof next === 'string' && /^\/(?![/\\])/.test(next) && !next.startsWith('/sign-in') ? next : '/desk'
}
