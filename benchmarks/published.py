"""The RLAB slides' tables 1 to 5 as published (HPE, 20 March 2024), quoted to stand beside ours, flaws named.

None of these figures was measured here. Averages of queries are over whatever their authors averaged over.
"""

TABLE_1 = [  # ImageNet, ResNet-50: attack, average queries, L2, success rate in %
    ("Q-Fool", "5000", "7.52", "-"), ("NES (2018)", "1632", "-", "82.7"),
    ("Bandits TD (2018)", "5251", "5", "80.5"),
    ("HopSkipJump", "1000", "11.76", "-"), ("Subspace (2019)", "1078", "-", "94.4"),
    ("P-RGF D (2019)", "270.5", "-", "99.3"),
    ("LeBA (2020)", "178.7", "-", "99.9"), ("Square (2020)", "401", "5", "99.8"),
    ("SimBA-DCT (2021)", "1665", "3.98", "98.6"),
    ("QueryNet (2021)", "-", "5", "-"), ("AdvFlow (2021)", "746", "-", "96.7"),
    ("EigenBA (2022)", "518", "3.6", "98"),
    ("Pixle (2022)", "341", "-", "98"), ("CG-Attack (2022)", "210", "-", "97.3"),
    ("Patch Attack (2022)", "983", "-", "-"),
    ("RLAB", "169", "4.01", "100"),
]  # fmt: skip
TABLE_2 = [  # ImageNet, Inception-v3 and VGG-16: attack, success rate and queries of each
    ("NES (2018)", "88.2", "1726.2", "84.8", "1119"), ("Bandits TD (2018)", "97.7", "836.1", "91.1", "275.9"),
    ("Subspace (2019)", "96.6", "1035.8", "96.2", "1086"), ("P-RGF D (2019)", "99", "637.4", "99.8", "393.1"),
    ("TIMI (2019)", "49", "-", "51.3", "-"), ("LeBA (2020)", "99.4", "243.8", "99.9", "145.5"),
    ("Square (2020)", "99.4", "351.9", "100", "142.3"), ("SimBA (2021)", "99.9", "423.3", "-", "-"),
    ("QueryNet (2021)", "-", "518", "-", "-"), ("AdvFlow (2021)", "99.3", "694", "95.5", "1022"),
    ("EigenBA (2022)", "95.7", "968", "-", "-"), ("Pixle (2022)", "-", "-", "99", "519"),
    ("CG-Attack (2022)", "100", "139", "99.4", "77"), ("RLAB", "100", "132", "100", "98"),
]  # fmt: skip
TABLE_3 = [  # CIFAR-10, ResNet-50: attack, average queries, success rate in %
    ("SimBA-DCT", "353", "100"), ("AdvFlow", "841.4", "100"),
    ("MetaAttack", "363.2", "100"), ("AdvFlow", "598", "97.2"),
    ("CG-Attack", "81.6", "100"), ("EigenBA", "99", "99.0"), ("RLAB", "60", "100"),
]  # fmt: skip
TABLE_4 = [("dynamic N", "169", "4.03"), ("baseline, fixed N", "210", "5.62")]  # ImageNet, ResNet-50: queries, L2
TABLE_5 = [  # ImageNet, ResNet-50: patch, average queries, L2, success rate in %
    ("2 x 2", "179", "4.03", "100"), ("4 x 4", "197", "11.29", "100"), ("8 x 8", "188", "17.52", "100"),
    ("16 x 16", "133", "32.16", "100"), ("32 x 32", "114", "63.45", "100"),
]  # fmt: skip
FLAWS = """\
- "AVG.Q" is most likely steps, not queries: the authors' public code reports steps, and each step puts EVERY patch
  to the victim (`compute_prob_patches`; 12,544 forward passes a step at 2 x 2 on 224 x 224). Below, `rlab-sweep` is
  that greedy code written anew with every forward counted: its published steps stand beside its true queries.
- The L2 of RLAB's code is taken on samples normalised by mean and standard deviation, about 4.4 times ours on
  pixels 0..1; the published tables do not say which they show. Norms of other rows are missing or differ (Square 5,
  LeBA and P-RGF up to 16.37, SimBA-DCT 3.98): rows of one published table are not comparable with one another.
- Square is given 401 queries and 99.8 %; its authors' raw logs give 616 (successes) and 99.3 % for L2 5 with a
  budget of 10,000.
- The same setting has L2 4.01 in table 1 and 4.03 in tables 4 and 5, and 169 queries in one, 179 in the other.
  Patch sizes in table 5 were compared without a bound: larger patches need fewer queries because they change far
  more.
- No budget is stated, success is 100 % throughout, failures would not be in an average over successes.
- LeBA, P-RGF, CG-Attack and QueryNet have surrogate networks: a class of their own.
- ResNet-50, VGG-16 and Inception-v3 are not to be had here; MobileNet v2 and v1 (ImageNet) and ResNet-20 and -56
  (CIFAR-10) stand in, so figures of the two sides answer the same question about other victims."""
