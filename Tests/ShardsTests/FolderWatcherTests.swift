import Foundation
import Testing

@testable import Shards

@Suite struct FolderWatcherTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test func seesWhatIsMadeMovedAndRemoved() throws {
        try folder.write("a/b/one.jpg", [1])
        var watcher = try FolderWatcher()
        #expect(try watcher.watch(folder: folder.path) == 3)
        #expect(try !watcher.wait(milliseconds: 0))

        try folder.write("a/b/two.jpg", [2])
        #expect(try watcher.wait(milliseconds: 2000))
        #expect(try !watcher.wait(milliseconds: 0))

        try FileManager.default.moveItem(atPath: folder.path + "/a/b/two.jpg", toPath: folder.path + "/a/b/three.jpg")
        #expect(try watcher.wait(milliseconds: 2000))

        try FileManager.default.removeItem(atPath: folder.path + "/a/b/one.jpg")
        #expect(try watcher.wait(milliseconds: 2000))
    }

    @Test func newFoldersAreWatchedWhenAskedAgain() throws {
        var watcher = try FolderWatcher()
        #expect(try watcher.watch(folder: folder.path) == 1)
        try folder.write("new/one.jpg", [1])
        #expect(try watcher.wait(milliseconds: 2000))
        #expect(try watcher.watch(folder: folder.path) == 2)
        _ = try watcher.wait(milliseconds: 0)
        try folder.write("new/two.jpg", [2])
        #expect(try watcher.wait(milliseconds: 2000))
    }

    @Test func hiddenNamesAndReadingDoNotCount() throws {
        try folder.write("one.jpg", [1])
        try folder.write("out/one.jpg", [1])
        var watcher = try FolderWatcher()
        #expect(try watcher.watch(folder: folder.path, excludes: [GlobPattern("out")]) == 1)
        try folder.write(".hidden", [1])
        try folder.write("out/two.jpg", [1])
        _ = try ReadOnlyFile(path: folder.path + "/one.jpg").bytes(0..<1)
        #expect(try !watcher.wait(milliseconds: 300))
    }

    @Test func aFolderThatIsNotThereIsSaid() throws {
        let path = folder.path + "/missing"
        #expect {
            var watcher = try FolderWatcher()
            try watcher.watch(folder: path)
        } throws: { ($0 as? ShardError)?.code == .sourceMissing }
    }

    @Test func recordsAreTakenApart() {
        func record(_ name: String) -> [UInt8] {
            let bytes = Array(name.utf8) + [UInt8](repeating: 0, count: 16 - name.utf8.count)
            return [1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0] + bytes
        }
        #expect(!FolderWatcher.concernsWalks((record(".a") + record(".b"))[...]))
        #expect(FolderWatcher.concernsWalks((record(".a") + record("b"))[...]))
        // A record without a name: the folder itself, or an overflow.
        #expect(FolderWatcher.concernsWalks(([UInt8](repeating: 0, count: 16))[...]))
    }
}
