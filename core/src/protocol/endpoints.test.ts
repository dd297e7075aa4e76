/** The table of endpoints, its limits and its problems. */
import { expect, test } from 'vitest'
import { PACK_MAX_BYTES } from '../limits.ts'
import { ENDPOINTS, type Endpoint, MESSAGE_MAX_BYTES } from './endpoints.ts'
import { PROBLEMS, Problem, type ProblemCode } from './problem.ts'

const endpoints = Object.values<Endpoint>(ENDPOINTS)

test('no two endpoints have the same method and path', () => {
  const places = endpoints.map(({ method, path }) => `${method} ${path.replace(/:\w+/g, ':')}`)
  expect(new Set(places).size).toBe(endpoints.length)
})

test('every path is under /api/v1, and the one the brief names keeps its name', () => {
  for (const { path } of endpoints) expect(path).toMatch(/^\/api\/v1(\/[a-z-]+|\/:[a-z]+)+$/)
  expect(ENDPOINTS.push).toMatchObject({ method: 'POST', path: '/api/v1/sync/push' })
})

test('every body is bounded, and a message never beyond what is read', () => {
  for (const { request, maxBodyBytes } of endpoints) {
    if (request === undefined) expect(maxBodyBytes).toBe(0)
    else if (request === 'pack') expect(maxBodyBytes).toBe(PACK_MAX_BYTES)
    else {
      expect(maxBodyBytes).toBeGreaterThan(0)
      expect(maxBodyBytes).toBeLessThanOrEqual(MESSAGE_MAX_BYTES)
    }
  }
})

test('every parameter in a path has a schema that takes nothing but an id', () => {
  for (const { path, params } of endpoints) {
    const named = [...path.matchAll(/:(\w+)/g)].map(([, name]) => name)
    const { properties = {} } = (params ?? {}) as { properties?: Record<string, { pattern?: string }> }
    expect(Object.keys(properties)).toEqual(named)
    for (const { pattern } of Object.values(properties)) expect(pattern).toMatch(/^\^\[0-9a-f\]\{\d+\}\$$/)
  }
})

test('a problem knows its status and keeps its data', () => {
  for (const code of Object.keys(PROBLEMS) as ProblemCode[]) {
    const problem = new Problem(code, 'why', { ids: ['a'], retryAfterSeconds: 3 })
    expect(problem.status).toBe(PROBLEMS[code][0])
    expect(problem.status).toBeGreaterThanOrEqual(400)
    expect(problem).toMatchObject({ code, message: 'why', ids: ['a'], retryAfterSeconds: 3 })
  }
  expect(new Problem('internal', 'why').ids).toEqual([])
})
