/** Starts the console: stores, router, languages, and what a lost session does. */
import '@/styles/base.css'
import '@/styles/tokens.css'
import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from '@/App.vue'
import { api } from '@/api/client'
import { i18n } from '@/i18n'
import { createConsoleRouter } from '@/router'
import { usePreferences } from '@/stores/preferences'
import { useSession } from '@/stores/session'

const app = createApp(App)
app.use(createPinia())
app.use(i18n)
usePreferences()

const session = useSession()
const router = createConsoleRouter()
api.onSessionLost = () => session.lose()
app.use(router)
app.mount('#app')
