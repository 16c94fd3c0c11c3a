// Times one workload of peers/workloads.json and prints one line of JSON: the protocol of peers/README.md.
//
// USAGE: blox-bench --workload NAME [--threads N] [--quick]
//        blox-bench --list

import BloxNN
import BloxRuntime

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

func fail(_ message: String) -> Never {
  let line = "blox-bench: \(message)\n"
  _ = line.withCString { write(2, $0, strlen($0)) }
  exit(2)
}

var name: String?
var threads = 2
var quick = false
var arguments = CommandLine.arguments.dropFirst().makeIterator()
while let argument = arguments.next() {
  switch argument {
  case "--workload": name = arguments.next()
  case "--threads":
    guard let count = arguments.next().flatMap({ Int($0) }), count > 0 else { fail("--threads takes a number from 1") }
    threads = count
  case "--quick": quick = true
  case "--list":
    print((workloads.map(\.name) + compilations.keys.sorted() + ["cold_start"]).joined(separator: "\n"))
    exit(0)
  default: fail("unknown argument '\(argument)'; usage: blox-bench --workload NAME [--threads N] [--quick] | --list")
  }
}
guard let name else { fail("which workload? --list shows them") }
ThreadPool.setThreadCount(threads)

if name == "cold_start" {
  print(try coldStart().json)
} else if let of = compilations[name], let workload = workloads.first(where: { $0.name == of }) {
  print(try measureCompilation(of: workload).json)
} else if let workload = workloads.first(where: { $0.name == name }) {
  print(try measure(workload, quick: quick).json)
} else {
  fail("no workload '\(name)'; --list shows them")
}
