import Foundation
import TestSupport
import Testing
import Workflows

@Suite struct WorkspaceTests {
    @Test func isFoundUpwards() throws {
        let folder = try TemporaryFolder()
        let inner = folder.path + "/a/b"
        try FileManager.default.createDirectory(atPath: inner, withIntermediateDirectories: true)
        #expect(try Workspace.find(explicit: nil, environment: [:], directory: inner) == nil)
        let made = try Workspace.findOrCreate(explicit: nil, environment: [:], directory: folder.path)
        #expect(made.path == folder.path + "/.vlmpipe")
        #expect(try Workspace.find(explicit: nil, environment: [:], directory: inner)?.path == made.path)
        #expect(try Workspace.findOrCreate(explicit: nil, environment: [:], directory: inner).path == made.path)
    }

    @Test func namesOverrideTheSearch() throws {
        let folder = try TemporaryFolder()
        let environment = [Workspace.environmentVariable: "from-environment"]
        let fromEnvironment = try Workspace.findOrCreate(
            explicit: nil, environment: environment, directory: folder.path)
        #expect(fromEnvironment.path == folder.path + "/from-environment")
        let explicit = try Workspace.findOrCreate(
            explicit: folder.path + "/named", environment: environment, directory: folder.path)
        #expect(explicit.path == folder.path + "/named")
        #expect(try Workspace.find(explicit: "absent", environment: [:], directory: folder.path) == nil)
    }

    @Test func newerLayoutsAreRefused() throws {
        let folder = try TemporaryFolder()
        let made = try Workspace.findOrCreate(explicit: nil, environment: [:], directory: folder.path)
        try "9.0\n".write(toFile: made.path + "/version", atomically: true, encoding: .utf8)
        #expect(throws: WorkflowError.self) {
            try Workspace.find(explicit: nil, environment: [:], directory: folder.path)
        }
    }

    @Test func oneWriter() throws {
        let folder = try TemporaryFolder()
        let made = try Workspace.findOrCreate(explicit: nil, environment: [:], directory: folder.path)
        do {
            let lock = try made.lock()
            #expect {
                _ = try made.lock()
            } throws: { ($0 as? WorkflowError)?.code == .tryAgain }
            _ = consume lock
        }
        _ = try made.lock()
    }

    @Test(arguments: ["", ".", "..", "a/b", "current", "a b", "ü"])
    func modelNamesThatAreNoFolders(name: String) throws {
        let folder = try TemporaryFolder()
        let made = try Workspace.findOrCreate(explicit: nil, environment: [:], directory: folder.path)
        #expect(throws: WorkflowError.self) { try ModelStore(workspace: made).path(for: name) }
    }
}
