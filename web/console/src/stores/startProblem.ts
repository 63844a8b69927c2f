/** Why the console could not start: the server was not reached when it asked who is signed in. */
import { defineStore } from 'pinia'
import { shallowRef } from 'vue'

export const useStartProblem = defineStore('start-problem', () => ({ problem: shallowRef<unknown>(null) }))
