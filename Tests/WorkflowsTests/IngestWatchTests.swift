import Foundation
import PipelineEngine
import Testing

@testable import Workflows

@Suite struct IngestWatchTests {
    @Test func takesUpWhatIsAddedAndRemoved() async throws {
        let fixture = try IngestFixture()
        try fixture.write("photos/a.png", IngestFixture.image(1))
        let session = try Session.open(
            workspace: fixture.path + "/workspace", threads: 2, isQuiet: true, mode: .writingAtTimes)
        var reports: [IngestReport] = []
        var failures: [any Error] = []
        try await IngestWatch.run(IngestOptions(sources: [fixture.path + "/photos"]), in: session) { report in
            reports.append(report)
            do {
                switch reports.count {
                case 1: try fixture.write("photos/new/b.png", IngestFixture.image(2))
                case 2: try fixture.remove("photos/a.png")
                default: session.stop.request()
                }
            } catch {
                failures.append(error)
            }
        }
        #expect(failures.isEmpty)
        #expect(reports.map(\.accounting.sampleCount) == [1, 2, 1])
        #expect(reports.map { $0.files[.added] ?? 0 } == [1, 1, 0])
        #expect(reports.last?.files[.removed] == 1)
        // Other commands may write while it waits.
        _ = try session.workspace.lock()
    }

    @Test func streamsCannotBeWatched() async throws {
        let fixture = try IngestFixture()
        let session = try Session.open(
            workspace: fixture.path + "/workspace", threads: 1, isQuiet: true, mode: .writingAtTimes)
        await #expect(throws: WorkflowError.self) {
            try await IngestWatch.run(IngestOptions(sources: ["pipe:cat x.tar"]), in: session) { _ in }
        }
    }
}
