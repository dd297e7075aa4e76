/** Test helper, loaded before the program: its clock jumps 5 hours ahead at SIGUSR2, and 10 back at the next. */
const real = Date.now
let ahead = 0
const jumps = [5, -10]
Date.now = () => real() + ahead
process.on('SIGUSR2', () => {
  ahead += (jumps.shift() ?? 0) * 3_600_000
})
