import { nodeCrypto } from '@pileus/core/crypto/node'
import { nodeFiles } from '../../files/node.ts'
import { inlineSealing } from './inline.ts'
import { KEYS, sealingContract } from './sealing.contract.ts'

sealingContract('inline', (places) =>
  inlineSealing(nodeCrypto, nodeFiles(places).folder)(KEYS, { files: 1, bytes: 1 }),
)
