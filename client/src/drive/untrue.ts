/** The server shows something other than what was pushed to it or signed: it is damaged, or lying. */
export class ServerUntrue extends Error {
  constructor(what: string) {
    super(
      `the server does not tell the truth about your files: ${what}. Nothing here was changed; ask its operator, and compare with another device`,
    )
    this.name = 'ServerUntrue'
  }
}
