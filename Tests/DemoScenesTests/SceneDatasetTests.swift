import DemoScenes
import Imaging
import Samples
import Testing

@Suite struct SceneDatasetTests {
    let dataset = SceneDataset(seed: 1)

    @Test func vocabulary() {
        #expect(SceneCombination.all.count == 480)
        #expect(Set(SceneCombination.all).count == 480)
        #expect(SceneCombination.all.sorted() == SceneCombination.all)
        #expect(SceneThing.allCases.count >= 10)
        for language in SceneLanguage.allCases {
            #expect(Set(SceneCombination.all.map { $0.query(in: language) }).count == 480)
        }
        let wanted = SceneCombination(color: .orange, thing: .cat, setting: .sun)
        #expect(wanted.query(in: .english) == "orange cat in the sun")
        #expect(wanted.query(in: .chinese) == "阳光下的橙色猫")
    }

    @Test func withheldCombinations() {
        let withheld = SceneDataset.withheldCombinations
        #expect(withheld.count == 48)
        #expect(withheld.contains(SceneCombination(color: .orange, thing: .cat, setting: .sun)))
        // Spread so that every pair of attributes is still seen in training.
        for thing in SceneThing.allCases {
            #expect((4...6).contains(withheld.count { $0.thing == thing }), "\(thing)")
            for color in SceneColor.allCases {
                #expect(withheld.count { $0.thing == thing && $0.color == color } <= 2, "\(color) \(thing)")
            }
            for setting in SceneSetting.allCases {
                #expect(withheld.count { $0.thing == thing && $0.setting == setting } <= 3, "\(thing) \(setting)")
            }
        }
        for color in SceneColor.allCases { #expect(withheld.count { $0.color == color } == 6) }
        for setting in SceneSetting.allCases { #expect(withheld.count { $0.setting == setting } == 8) }
    }

    @Test(arguments: [0, 1, 99] as [UInt64]) func trainingNeverShowsWithheld(_ seed: UInt64) {
        let dataset = SceneDataset(seed: seed)
        for index in 0..<6_000 {
            let scene = dataset.scene(split: .train, index: index)
            #expect(SceneDataset.withheldCombinations.isDisjoint(with: scene.combinations), "\(scene)")
        }
    }

    @Test func everythingComesEquallyOften() {
        // One run of each split has each of its combinations once as the first thing.
        let test = (0..<480).map { dataset.scene(split: .test, index: $0).combinations[0] }
        #expect(Set(test) == Set(SceneCombination.all))
        let train = (432..<864).map { dataset.scene(split: .train, index: $0).combinations[0] }
        #expect(Set(train) == Set(SceneCombination.all).subtracting(SceneDataset.withheldCombinations))
        #expect(test != (480..<960).map { dataset.scene(split: .test, index: $0).combinations[0] })

        let scenes = (0..<4_000).map { dataset.scene(split: .train, index: $0) }
        let pairs = scenes.filter { $0.subjects.count == 2 }
        #expect((320...640).contains(pairs.count))
        for pair in pairs {
            #expect(pair.subjects[0].thing != pair.subjects[1].thing)
            #expect(pair.subjects[0].color != pair.subjects[1].color)
            #expect(Set(pair.subjects.map(\.place)) == [.left, .right])
        }
        for place in ScenePlace.allCases {
            #expect(scenes.count { $0.subjects[0].place == place } > 900)
        }
    }

    @Test func scenesDependOnSeedSplitAndIndexAlone() throws {
        let again = SceneDataset(seed: 1)
        // In another order, on the other instance.
        let indices = [17, 3, 500, 0, 12_345]
        for split in SceneDataset.Split.allCases {
            let first = indices.sorted().map { dataset.scene(split: split, index: $0) }
            let second = indices.map { again.scene(split: split, index: $0) }
            for (index, scene) in zip(indices.sorted(), first) {
                let other = try #require(second.first { $0.index == index })
                #expect(scene == other)
                #expect(dataset.captions(scene) == again.captions(other))
                #expect(dataset.render(scene, size: 48) == again.render(other, size: 48))
            }
        }
        let scene = dataset.scene(split: .train, index: 3)
        let other = SceneDataset(seed: 2)
        #expect(dataset.render(scene, size: 48) != other.render(scene, size: 48))
        #expect(
            (0..<50).map { dataset.scene(split: .train, index: $0) }
                != (0..<50).map { other.scene(split: .train, index: $0) })
        #expect(
            Set((0..<50).map { dataset.render(dataset.scene(split: .train, index: $0), size: 32) }).count == 50)
    }

    @Test func captionsAreInBothLanguages() {
        var wordings: Set<String> = []
        for index in 0..<3_000 {
            let scene = dataset.scene(split: index % 2 == 0 ? .train : .test, index: index)
            let captions = dataset.captions(scene)
            #expect(captions.count == 6)
            #expect(Set(captions).count == 6, "\(captions)")
            for (position, caption) in captions.enumerated() {
                let hasHan = caption.unicodeScalars.contains { (0x4E00...0x9FFF).contains($0.value) }
                let hasLatin = caption.unicodeScalars.contains { $0.isASCII && $0.properties.isAlphabetic }
                #expect(hasHan != hasLatin, "\(caption)")
                #expect(hasHan == (position % 2 == 1), "\(caption)")
                // Nothing that a tar, JSON, HTML page or terminal would have to escape.
                #expect(
                    !caption.unicodeScalars.contains { $0.value < 32 || "\\\"'<>&".unicodeScalars.contains($0) },
                    "\(caption)")
                #expect(!caption.hasPrefix(" ") && !caption.hasSuffix(" ") && !caption.contains("  "), "\(caption)")
                #expect(!caption.lowercased().contains("a orange"), "\(caption)")
            }
            if scene.subjects.count == 1 {
                #expect(captions[0] == scene.combinations[0].query(in: .english))
                #expect(captions[1] == scene.combinations[0].query(in: .chinese))
            }
            // The two sentences name everything.
            for (language, caption) in zip(SceneLanguage.allCases, captions[2...3]) {
                for subject in scene.subjects {
                    #expect(caption.lowercased().contains(subject.color.name(in: language)), "\(caption)")
                    #expect(caption.lowercased().contains(subject.thing.name(in: language)), "\(caption)")
                }
                #expect(caption.lowercased().contains(scene.setting.phrase(in: language)), "\(caption)")
            }
            wordings.formUnion(captions)
        }
        #expect(wordings.count > 3_000)
    }

    @Test func keysAndAttributes() {
        let scene = dataset.scene(split: .test, index: 42)
        #expect(scene.key == "test-000042")
        #expect(scene.attributes["setting"] == scene.setting.rawValue)
        #expect(scene.attributes["color"] == scene.subjects[0].color.rawValue)
        #expect((scene.attributes["thing2"] == nil) == (scene.subjects.count == 1))
    }

    @Test(arguments: [8, 48, 64, 96, 131]) func picturesHaveTheWantedSize(_ size: Int) {
        for index in 0..<12 {
            let image = dataset.render(dataset.scene(split: .test, index: index), size: size)
            #expect(image.width == size && image.height == size)
            // Neither empty nor clipped away.
            #expect(Set(image.bytes).count > 60)
        }
    }

    /// The colour of a thing dominates where the thing is: the mean over the middle of a centred ball is nearest to its
    /// own colour among all eight.
    @Test func colorsAreTellable() {
        var means: [SceneColor: [(Double, Double, Double)]] = [:]
        for index in 0..<4_000 {
            let scene = dataset.scene(split: .test, index: index)
            guard scene.subjects.count == 1, scene.subjects[0].place == .center, scene.setting != .rain,
                scene.setting != .snow, [.cup, .ball, .tree].contains(scene.subjects[0].thing)
            else { continue }
            let image = dataset.render(scene, size: 32)
            var sum = (0.0, 0.0, 0.0)
            for y in 17..<21 {
                for x in 14..<18 {
                    let pixel = image[x, y]
                    sum = (sum.0 + Double(pixel.red), sum.1 + Double(pixel.green), sum.2 + Double(pixel.blue))
                }
            }
            means[scene.subjects[0].color, default: []].append((sum.0 / 16, sum.1 / 16, sum.2 / 16))
        }
        #expect(means.count == 8)
        let centers = means.mapValues { colors in
            let count = Double(colors.count)
            return (
                colors.reduce(0) { $0 + $1.0 } / count, colors.reduce(0) { $0 + $1.1 } / count,
                colors.reduce(0) { $0 + $1.2 } / count
            )
        }
        func distance(_ a: (Double, Double, Double), _ b: (Double, Double, Double)) -> Double {
            (a.0 - b.0) * (a.0 - b.0) + (a.1 - b.1) * (a.1 - b.1) + (a.2 - b.2) * (a.2 - b.2)
        }
        var right = 0
        var all = 0
        for (color, values) in means {
            for value in values {
                let nearest = centers.min { distance($0.value, value) < distance($1.value, value) }?.key
                right += nearest == color ? 1 : 0
                all += 1
            }
        }
        #expect(all > 200)
        #expect(Double(right) / Double(all) > 0.85, "\(right) of \(all)")
    }
}
