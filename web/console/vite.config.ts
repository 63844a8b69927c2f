/** Builds the console; in development a mock server or a real one (YITI_SERVER) answers its calls. */
import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import ElementPlus from 'unplugin-element-plus/vite'
import type { PluginOption, UserConfig } from 'vite'
import { defineConfig } from 'vitest/config'

async function answers(command: string): Promise<{ plugins: PluginOption[]; server: UserConfig['server'] }> {
  const target = process.env['YITI_SERVER']
  if (target) {
    const proxy = { '/api': { target }, '/desk': { target, ws: true } }
    return { plugins: [], server: { proxy } }
  }
  if (command !== 'serve' || process.env['VITEST']) return { plugins: [], server: {} }
  const { mockServer } = await import('./dev/mock/plugin')
  return { plugins: [mockServer()], server: {} }
}

export default defineConfig(async ({ command }) => {
  const backend = await answers(command)
  return {
    base: '/console/',
    resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
    define: {
      __VUE_OPTIONS_API__: 'true',
      __VUE_PROD_DEVTOOLS__: 'false',
      __VUE_I18N_FULL_INSTALL__: 'false',
      __VUE_I18N_LEGACY_API__: 'false',
      __INTLIFY_PROD_DEVTOOLS__: 'false',
    },
    plugins: [vue(), ElementPlus({}), ...backend.plugins],
    server: backend.server ?? {},
    build: {
      target: 'es2022',
      cssCodeSplit: true,
      assetsInlineLimit: 0,
      reportCompressedSize: true,
      rollupOptions: {
        output: {
          manualChunks(id: string): string | undefined {
            if (/node_modules\/(vue|@vue|vue-router|pinia|vue-i18n|@intlify)\//.test(id)) return 'vue'
            return undefined
          },
        },
      },
    },
    test: {
      environment: 'happy-dom',
      include: ['tests/**/*.test.ts'],
      server: { deps: { inline: ['element-plus'] } },
    },
  }
})
