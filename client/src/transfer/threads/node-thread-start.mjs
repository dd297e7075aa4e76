/**
 * Where a thread begins. Plain JavaScript, because a thread does not share the compile cache of its process: without
 * one the type stripper is loaded for it, 30 MB and 100 ms for each thread.
 */
import { enableCompileCache } from 'node:module'
import { workerData } from 'node:worker_threads'

if (workerData.compileCache !== null) enableCompileCache(workerData.compileCache)
await import(workerData.program)
