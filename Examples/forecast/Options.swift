// The command line of forecast.

import BloxNN
import BloxRuntime
import ExampleSupport

let help = """
  forecast - trains an LSTM to tell how a series of numbers goes on, and plots what it tells

  USAGE
    forecast [--csv FILE --column NAME] [--svg FILE] [--horizon N] [--steps N] …

  OPTIONS
    --csv FILE      the file to read the series from (default: a made-up one, a harbour's
                    water level over seven weeks)
    --column NAME   the column of the file (default: the only one that holds numbers)
    --svg FILE      draw the held-out values and the forecast
    --horizon N     values to tell at a time (default 24)
    --held X        share of the series that is held out at its end (default 0.2)
    --steps N       steps of training (default 600)
    --batch N       windows of the series per step (default 16)
    --window N      values of a window (default 168, or fewer for a short series)
    --hidden N      features of the LSTM (default 32)
    --rate X        the largest learning rate (default 0.01)
    --seed N        seed of the parameters, the windows and the made-up series (default 0);
                    the same seed gives the same numbers, for any number of threads
    --threads N     threads to compute with (default: all cores)
    --help          show this text

  EXAMPLES
    swift run -c release forecast --svg forecast.svg
    swift run -c release forecast --horizon 48 --steps 200 --hidden 16
    swift run -c release forecast --csv power.csv --column load --svg power.svg
  """

/// What the command line asks for.
struct Options {
  var csv: String?
  var column: String?
  var svg: String?
  var horizon = 24
  var heldShare = 0.2
  var steps = 600
  var batch = 16
  var window: Int?
  var hidden = 32
  var learningRate = 1e-2
  var seed = 0
  var threads: Int?

  init(_ reader: inout OptionReader) throws {
    while let flag = reader.next() {
      switch flag {
      case "--csv": csv = try reader.path()
      case "--column": column = try reader.text("the name of a column")
      case "--svg": svg = try reader.path()
      case "--horizon": horizon = try reader.integer(in: 1...100_000)
      case "--held": heldShare = try reader.number(in: 0.01...0.9)
      case "--steps": steps = try reader.integer(in: 0...10_000_000)
      case "--batch": batch = try reader.integer(in: 1...4096)
      case "--window": window = try reader.integer(in: 1...100_000)
      case "--hidden": hidden = try reader.integer(in: 1...8192)
      case "--rate": learningRate = try reader.number(in: 0...1)
      case "--seed": seed = try reader.integer()
      case "--threads": threads = try reader.integer(in: 1...ThreadPool.maximumThreads)
      default: throw reader.unknownOption()
      }
    }
    guard column == nil || csv != nil else {
      throw BloxError(.usage, "--column needs --csv: it names a column of the file")
    }
  }
}
