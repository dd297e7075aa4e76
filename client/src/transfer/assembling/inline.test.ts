import { nodeCrypto } from '@pileus/core/crypto/node'
import { nodeFiles } from '../../files/node.ts'
import { assemblerContract } from './assembler.contract.ts'
import { inlineAssembler } from './inline.ts'

assemblerContract('inline', (places) => inlineAssembler(nodeCrypto, nodeFiles(places).work)())
