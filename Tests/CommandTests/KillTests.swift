import Foundation
import Testing

/// `kill -9` at random moments of every stage: running the same command again ends as if nothing had happened.
@Suite(.serialized) struct KillTests {
    static let killCount = 10

    @Test func everyStageConvergesAfterKills() throws {
        let fixture = try Fixture()
        let stages: [(name: String, command: [String])] = [
            ("ingest train", Fixture.ingestTrain), ("ingest test", Fixture.ingestTest), ("train", Fixture.train),
            ("embed", Fixture.embed),
        ]
        // A fixed seed keeps the share of the run at which it is killed the same; the moment still varies with the machine.
        var generator = SystemlessGenerator(state: 0x5EED)
        for (number, stage) in stages.enumerated() {
            let before = "before-\(number)"
            let after = "before-\(number + 1)"
            if number == 0 {
                try FileManager.default.createDirectory(
                    atPath: "\(fixture.folder.path)/\(before)", withIntermediateDirectories: true)
            }
            try fixture.folder.copy(before, to: after)
            let start = Date()
            try fixture.tool(after).succeed(stage.command)
            var seconds = Date().timeIntervalSince(start)
            let expected = try fixture.state(after)

            var killed = 0
            for attempt in 0..<Self.killCount {
                let workspace = "killed-\(number)-\(attempt)"
                try fixture.folder.copy(before, to: workspace)
                let delay = seconds * Double(generator.next() % 1000) / 1000
                let attemptStart = Date()
                let outcome = try fixture.tool(workspace).run(stage.command, killAfterSeconds: delay)
                if outcome.wasKilled {
                    killed += 1
                } else {
                    // The machine has become faster than it was when the run was timed.
                    seconds = min(seconds, Date().timeIntervalSince(attemptStart))
                }
                try fixture.tool(workspace).succeed(stage.command)
                let state = try fixture.state(workspace)
                #expect(
                    state.keys.sorted() == expected.keys.sorted(), "\(stage.name), killed after \(delay) s: other files"
                )
                for (name, bytes) in expected {
                    #expect(state[name] == bytes, "\(stage.name), killed after \(delay) s: \(name) differs")
                }
                try FileManager.default.removeItem(atPath: "\(fixture.folder.path)/\(workspace)")
            }
            #expect(killed >= Self.killCount / 2, "\(stage.name): only \(killed) of \(Self.killCount) runs were killed")
        }
    }

    /// SplitMix64, so that the test needs nothing of the product.
    private struct SystemlessGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }
}
