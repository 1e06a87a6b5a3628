import ByteFormats
import Foundation
import Synchronization
import Testing

@testable import Training

@Suite struct TrainerKillTests {
    @Test func `a run killed between any two changes of the disk ends with the same bytes`() async throws {
        try await withTemporaryFolder { folder in
            let whole = TinyRun(folder: folder + "/whole")
            let copies = Mutex<[String]>([])
            let observer = FileStep.Observer { step in
                let copy = copies.withLock { copies in
                    copies.append(folder + "/killed-\(copies.count)")
                    return copies[copies.count - 1]
                }
                do {
                    try FileManager.default.copyItem(atPath: whole.folder, toPath: copy)
                } catch {
                    Issue.record("\(step.action) \(step.path): \(error)")
                }
            }
            try FileManager.default.createDirectory(atPath: whole.folder, withIntermediateDirectories: true)
            try await FileStep.$observer.withValue(observer) { _ = try await whole.run() }
            let expectedFiles = try whole.checkpoints()
            let expectedMetrics = try whole.metrics()
            let states = copies.withLock { $0 }
            // Three checkpoints of several steps each, eight lines of the log.
            #expect(states.count > 20)
            for state in states {
                let resumed = TinyRun(folder: state)
                let outcome = try await resumed.run()
                #expect(outcome.isComplete)
                #expect(try resumed.checkpoints() == expectedFiles, "\(state)")
                #expect(try resumed.metrics() == expectedMetrics, "\(state)")
            }
        }
    }
}
