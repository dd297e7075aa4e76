/** OPAQUE (RFC 9807), the server's half, by @serenity-kit/opaque. */
import { ready, server } from '@serenity-kit/opaque'

export interface OpaqueServer {
  /** Answers a registration request. Throws on a message that is not one. */
  register(name: string, request: string): string
  /** Answers a login; with null, as for an account that exists, though no password fits. */
  startLogin(name: string, registration: string | null, request: string): { state: string; response: string }
  /** Whether the client proved the password. */
  finishLogin(state: string, request: string): boolean
}

/** A new server secret. All registrations hang on it: it must be kept with the accounts, and secret. */
export async function newOpaqueSetup(): Promise<string> {
  await ready
  return server.createSetup()
}

/** The server's half under this secret. */
export async function opaqueServer(serverSetup: string): Promise<OpaqueServer> {
  await ready
  return {
    register(name, request) {
      return server.createRegistrationResponse({
        serverSetup,
        userIdentifier: name,
        registrationRequest: request,
      }).registrationResponse
    },
    startLogin(name, registration, request) {
      const { serverLoginState, loginResponse } = server.startLogin({
        serverSetup,
        userIdentifier: name,
        registrationRecord: registration,
        startLoginRequest: request,
      })
      return { state: serverLoginState, response: loginResponse }
    },
    finishLogin(state, request) {
      try {
        server.finishLogin({ serverLoginState: state, finishLoginRequest: request })
        return true
      } catch {
        // The library throws for a wrong proof and for a malformed one; both prove nothing.
        return false
      }
    },
  }
}
