/** Test helpers: a disk in memory that refuses what a real one would refuse. */
import { expect } from 'vitest'
import { type RecordId, ROOT } from '../ids/ids.ts'
import { nameKey } from '../tree/names.ts'
import type { Action, Disk, DiskNode, Want } from './plan.ts'

export type Model = Map<RecordId, DiskNode>

export const id = (n: number) => n.toString(16).padStart(32, '0') as RecordId

export function folder(name: string, parent: RecordId = ROOT): DiskNode {
  return { kind: 'folder', parent, name, sameness: '', attributes: { mtime: 0, executable: false } }
}

export function file(name: string, parent: RecordId = ROOT, sameness = 'c'): DiskNode {
  return { ...folder(name, parent), kind: 'file', sameness }
}

/** The disk as it is when asked. Ignores case or does not. */
export function diskOf(model: Model, caseInsensitive = false): Disk {
  const key = (name: string) => (caseInsensitive ? nameKey(name, true) : name)
  return {
    node: (i) => model.get(i),
    children: (parent) => [...model].filter(([, n]) => n.parent === parent).map(([i]) => i),
    at: (parent, name) => [...model].find(([, n]) => n.parent === parent && key(n.name) === key(name))?.[0],
    nameKey: key,
  }
}

/** What wants exactly the nodes of this model, each its own alias unless told otherwise. */
export function wantAll(goal: Model, aliases: ReadonlyMap<RecordId, readonly RecordId[]> = new Map()): Want {
  return (i) => {
    const node = goal.get(i)
    return node && { ...node, aliases: aliases.get(i) ?? [i] }
  }
}

/** Does the actions to a model and fails on any that a real disk would refuse. */
export function perform(model: Model, actions: readonly Action[], want: Want, caseInsensitive = false): void {
  const parked = new Map<RecordId, DiskNode>()
  const free = (action: { id: RecordId; parent: RecordId; name: string; over: RecordId | null }) => {
    const there = diskOf(model, caseInsensitive).at(action.parent, action.name)
    if (there === undefined || there === action.id) {
      expect(action.over, 'only what is there is replaced').toBeNull()
      return
    }
    expect(there, 'the name is free or replaced knowingly').toBe(action.over)
    expect(model.get(there)!.kind).toBe('file')
    expect(want(there), 'what is replaced is not wanted').toBeUndefined()
    model.delete(there)
  }
  const isFolder = (i: RecordId) =>
    expect(i === ROOT || (model.get(i) ?? parked.get(i))?.kind === 'folder').toBe(true)
  const inside = (child: RecordId, ancestor: RecordId): boolean => {
    for (let at = child; at !== ROOT; at = (model.get(at) ?? parked.get(at))!.parent)
      if (at === ancestor) return true
    return false
  }
  for (const action of actions) {
    switch (action.do) {
      case 'park':
        expect(model.has(action.id)).toBe(true)
        parked.set(action.id, model.get(action.id)!)
        model.delete(action.id)
        break
      case 'move': {
        const node = parked.get(action.id) ?? model.get(action.id)!
        isFolder(action.parent)
        expect(inside(action.parent, action.id), 'nothing moves into itself').toBe(false)
        free(action)
        parked.delete(action.id)
        model.set(action.id, { ...node, parent: action.parent, name: action.name })
        break
      }
      case 'create':
        expect(model.has(action.id)).toBe(false)
        isFolder(action.parent)
        free(action)
        model.set(action.id, plain({ ...want(action.id)!, parent: action.parent, name: action.name }))
        break
      case 'remove':
        expect(diskOf(model).children(action.id), 'only what is empty is removed').toEqual([])
        expect(want(action.id), 'what is removed is not wanted').toBeUndefined()
        expect(parked.delete(action.id) || model.delete(action.id)).toBe(true)
        break
      case 'relabel': {
        const node = model.get(action.from)!
        expect(model.has(action.id)).toBe(false)
        expect(node.kind).toBe(want(action.id)!.kind)
        expect(want(action.id)!.aliases).toContain(action.from)
        model.delete(action.from)
        model.set(action.id, node)
        for (const [i, n] of model) if (n.parent === action.from) model.set(i, { ...n, parent: action.id })
        break
      }
      case 'update':
      case 'attributes': {
        const { sameness, attributes } = want(action.id)!
        if (action.do === 'attributes') expect(model.get(action.id)!.sameness).toBe(sameness)
        model.set(action.id, { ...model.get(action.id)!, sameness, attributes })
      }
    }
  }
  expect(parked.size, 'nothing stays parked').toBe(0)
}

function plain({ kind, parent, name, sameness, attributes }: DiskNode): DiskNode {
  return { kind, parent, name, sameness, attributes }
}

/** All but the times of folders, which are not set again. */
export const shape = (model: Model) =>
  [...model]
    .map(([i, n]) => [i, n.kind === 'folder' ? { ...n, attributes: null } : n] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
