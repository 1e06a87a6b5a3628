import ByteFormats
import Glibc
import Samples
import TestSupport
import Testing

@testable import VectorIndex

/// A writer that is killed before any of its steps, and file operations that fail, one at a time.
@Suite struct KillTests {
    /// What a killed process leaves behind at every write, flush, rename, link and removal: readers see the index as it
    /// was or as it will be, and doing the change again ends as if nothing had happened.
    @Test(arguments: [false, true])
    func killedAtEveryStep(isPartitioned: Bool) async throws {
        let folder = try TemporaryFolder()
        let (materials, start) = try await IndexChange.prepare(folder, isPartitioned: isPartitioned)
        let before = try await IndexChange.answer(start)
        let initial = try Files.state(of: start)
        var total = 0
        for change in IndexChange.all(materials: materials) {
            let path = folder.file("i.vlx")
            try Files.restore(initial, to: path)
            let (states, steps) = try await Files.states(of: path) { try await change.run(path) }
            let after = try await IndexChange.answer(path)
            let expected = try Self.live(path)
            #expect(change.description == "gc" || states.count > 4, "\(change): \(states.count) states")
            for (number, state) in states.enumerated() {
                try Files.restore(state, to: path)
                let seen = try await IndexChange.answer(path)
                #expect(seen == before || seen == after, "\(change), state \(number)")
                #expect(try IndexVerification.run(folder: path).isSound, "\(change), state \(number)")
                try await change.run(path)
                #expect(try await IndexChange.answer(path) == after, "\(change), state \(number)")
                #expect(try Self.live(path) == expected, "\(change), state \(number)")
                #expect(try !Folder.names(in: path).contains { $0.hasSuffix(".tmp") }, "\(change), state \(number)")
            }
            print("killed during \(change): \(steps) steps, \(states.count) distinct states")
            total += steps
        }
        print("killed at \(total) steps in all")
        #expect(total > 120)
    }

    /// A build or merge that was killed before its first manifest can be started again; other folders are left alone.
    @Test func whatAKilledFirstChangeLeavesIsNoIndex() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("i.vlx")
        #expect(try IndexWriter.canMake(folder: path))
        let vectors = CodedIndex.clustered(40, dimension: 4, seed: 1)
        let (states, _) = try await Files.states(of: path) {
            try await CodedIndex.build(vectors, dimension: 4, profile: .std, at: path)
        }
        for state in states where !state.isEmpty {
            try Files.restore(state, to: path)
            let hasManifest = try !IndexFolder(path: path).generations().isEmpty
            #expect(try IndexWriter.canMake(folder: path) == !hasManifest)
        }
        try Files.write([1], to: folder.file("photo.jpg"))
        #expect(try !IndexWriter.canMake(folder: folder.path))
    }

    /// Each system call on a file fails in turn, in several ways.
    @Test(arguments: [FileFault.Outcome.fail(ENOSPC), .fail(EIO), .fail(EINTR), .partial], [false, true])
    func everyCallFails(outcome: FileFault.Outcome, isPartitioned: Bool) async throws {
        let folder = try TemporaryFolder()
        let (materials, start) = try await IndexChange.prepare(folder, isPartitioned: isPartitioned)
        let before = try await IndexChange.answer(start)
        let initial = try Files.state(of: start)
        var total = 0
        var refusals = 0
        for change in IndexChange.all(materials: materials) {
            let path = folder.file("i.vlx")
            try Files.restore(initial, to: path)
            let calls = try await FaultCounter.run(failing: nil, outcome: outcome) { try await change.run(path) }.calls
            let after = try await IndexChange.answer(path)
            for number in 0..<calls.count {
                try Files.restore(initial, to: path)
                let label =
                    "\(change), \(outcome) at call \(number) (\(calls[number].kind.rawValue) \(calls[number].path))"
                do {
                    try await FaultCounter.run(failing: number, outcome: outcome) { try await change.run(path) }
                    #expect(try await IndexChange.answer(path) == after, "\(label)")
                } catch let error as VectorIndexError {
                    refusals += 1
                    #expect(!error.message.isEmpty && outcome != .partial, "\(label): \(error)")
                    if outcome == .fail(EINTR) {
                        // The calls that a signal can interrupt are made again.
                        #expect(![.open, .read, .write, .flush, .truncate].contains(calls[number].kind), "\(label)")
                    }
                    let seen = try await IndexChange.answer(path)
                    #expect(seen == before || seen == after, "\(label)")
                }
                try await change.run(path)
                #expect(try await IndexChange.answer(path) == after, "\(label): not mended by doing it again")
            }
            total += calls.count
        }
        print("injected \(outcome) at \(total) calls: \(refusals) ended in an error, \(total - refusals) did not")
        #expect(total > 300)
    }

    /// Reading calls of a search fail in turn: the answer is right or an error.
    @Test(arguments: FileReading.allCases, [false, true])
    func everyReadFails(reading: FileReading, isPartitioned: Bool) async throws {
        let folder = try TemporaryFolder()
        let path = try await IndexChange.prepare(folder, isPartitioned: isPartitioned).index
        let expected = try await IndexChange.answer(path)
        var total = 0
        for outcome in [FileFault.Outcome.fail(EIO), .fail(EINTR), .partial] {
            let calls = try await FaultCounter.run(failing: nil, outcome: outcome) {
                _ = try await IndexChange.answer(path, reading: reading)
            }.calls
            for number in 0..<calls.count {
                do {
                    let seen = Locked<[[SearchHit]]>([])
                    try await FaultCounter.run(failing: number, outcome: outcome) {
                        let answer = try await IndexChange.answer(path, reading: reading)
                        seen.update { $0 = answer }
                    }
                    #expect(seen.value == expected, "\(outcome) at \(calls[number])")
                } catch let error as VectorIndexError {
                    #expect(!error.message.isEmpty)
                    #expect(outcome == .fail(EIO) || [.list, .map].contains(calls[number].kind), "\(calls[number])")
                }
            }
            total += calls.count
        }
        print("injected faults at \(total) reading calls (\(reading))")
        #expect(total > 30)
    }

    private static func live(_ path: String) throws -> FolderState {
        guard let manifest = try IndexFolder(path: path).currentManifest() else { return [:] }
        var state: FolderState = [:]
        for name in manifest.fileNames { state[name] = try Files.read(path + "/" + name) }
        return state
    }
}

/// Counts the system calls of an action, and lets one of them fail.
enum FaultCounter {
    struct Result: Sendable { let calls: [FileFault] }

    @discardableResult
    static func run(
        failing number: Int?, outcome: FileFault.Outcome, _ body: @Sendable () async throws -> Void
    ) async throws -> Result {
        let calls = Locked<[FileFault]>([])
        let injector = FileFault.Injector { call in
            var position = 0
            calls.update {
                position = $0.count
                $0.append(call)
            }
            return position == number ? outcome : .proceed
        }
        try await FileFault.$injector.withValue(injector) { try await body() }
        return Result(calls: calls.value)
    }
}
