import Foundation

enum TestFiles {
    static func remove(_ path: String) throws { try FileManager.default.removeItem(atPath: path) }
}
